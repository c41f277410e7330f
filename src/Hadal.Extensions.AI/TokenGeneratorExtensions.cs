using Hadal.Generation;
using Hadal.Tokenization;
using Microsoft.Extensions.AI;

namespace Hadal.Extensions.AI;

/// <summary>Makes chat clients of generators.</summary>
public static class TokenGeneratorExtensions
{
    /// <summary>A chat client over a generator, which stays its caller's to dispose.</summary>
    /// <param name="generator">Generates the answers; its cache must hold all conversations that are answered at the same time.</param>
    /// <param name="template">The chat format; null takes the checkpoint's own.</param>
    /// <param name="defaults">What <see cref="ChatOptions"/> leave open; null for greedy answers of any length.</param>
    /// <param name="modelId">The model's name; null takes the config's model_type.</param>
    /// <exception cref="TokenizerException">The checkpoint's own chat format is not known.</exception>
    public static IChatClient AsIChatClient(
        this TokenGenerator generator,
        ChatTemplate? template = null,
        GenerationOptions? defaults = null,
        string? modelId = null
    ) => new DeepSeekChatClient(generator, template, defaults, modelId);
}
