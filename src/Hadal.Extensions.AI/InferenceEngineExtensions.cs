using Hadal.Chat;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Tokenization;
using Microsoft.Extensions.AI;

namespace Hadal.Extensions.AI;

/// <summary>Makes chat clients of engines.</summary>
public static class InferenceEngineExtensions
{
    /// <summary>A chat client over an engine, which stays its caller's to dispose.</summary>
    /// <param name="engine">Generates the answers.</param>
    /// <param name="template">The chat format; null takes the checkpoint's own.</param>
    /// <param name="defaults">What <see cref="ChatOptions"/> leave open; null for greedy answers of any length.</param>
    /// <param name="modelId">The model's name; null takes the config's model_type.</param>
    /// <exception cref="TokenizerException">The checkpoint's own chat format is not known.</exception>
    /// <exception cref="ArgumentException">The defaults have more than one choice: an answer is one text.</exception>
    public static IChatClient AsIChatClient(
        this InferenceEngine engine,
        ChatTemplate? template = null,
        GenerationOptions? defaults = null,
        string? modelId = null
    ) => new DeepSeekChatClient(engine, template, defaults, modelId);
}
