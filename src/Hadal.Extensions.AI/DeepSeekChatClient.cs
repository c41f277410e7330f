using System.Runtime.CompilerServices;
using Hadal.Generation;
using Hadal.Tokenization;
using Microsoft.Extensions.AI;

namespace Hadal.Extensions.AI;

/// <summary>
/// Answers conversations with a model in this process. It keeps no conversation: each request brings all its messages.
/// Thread-safe: requests wait for each other, first come first served, so that each has the whole cache.
/// </summary>
public sealed class DeepSeekChatClient : IChatClient
{
    private readonly TokenGenerator _generator;
    private readonly ChatTemplate _template;
    private readonly GenerationOptions _defaults;
    private readonly ChatClientMetadata _metadata;
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>A client over a generator, which stays its caller's to dispose.</summary>
    /// <param name="generator">Generates the answers; its cache must hold a whole conversation.</param>
    /// <param name="template">The chat format; null takes the checkpoint's own.</param>
    /// <param name="defaults">What <see cref="ChatOptions"/> leave open; null for greedy answers of any length.</param>
    /// <param name="modelId">The model's name; null takes the config's model_type.</param>
    /// <exception cref="TokenizerException">The checkpoint's own chat format is not known.</exception>
    public DeepSeekChatClient(
        TokenGenerator generator,
        ChatTemplate? template = null,
        GenerationOptions? defaults = null,
        string? modelId = null
    )
    {
        ArgumentNullException.ThrowIfNull(generator);
        _generator = generator;
        _template = template ?? ChatTemplate.For(generator.Tokenizer);
        _defaults = defaults ?? new GenerationOptions();
        _metadata = new ChatClientMetadata(
            "hadal",
            defaultModelId: modelId ?? generator.Model.Config.ModelType
        );
    }

    /// <inheritdoc />
    /// <exception cref="NotSupportedException">An option or a content can't be had; the message names it.</exception>
    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        CancellationToken cancellationToken = default
    ) =>
        GetStreamingResponseAsync(messages, options, cancellationToken)
            .ToChatResponseAsync(cancellationToken);

    /// <inheritdoc />
    /// <exception cref="NotSupportedException">An option or a content can't be had; the message names it.</exception>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(messages);
        // Here, not in the iterator: what is refused is refused by this call.
        bool thinking = OptionMapping.Thinks(options);
        int[] prompt = _template.Encode(
            _generator.Tokenizer,
            MessageMapping.Turns(messages, options?.Instructions),
            thinking,
            cancellationToken
        );
        GenerationOptions generation = OptionMapping.Map(options, _defaults, _metadata, this);
        return AnswerAsync(prompt, generation, thinking, cancellationToken);
    }

    /// <inheritdoc />
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null)
            return null;
        if (serviceType == typeof(ChatClientMetadata))
            return _metadata;
        if (serviceType.IsInstanceOfType(this))
            return this;
        return serviceType.IsInstanceOfType(_generator) ? _generator : null;
    }

    /// <summary>Ends the queue; the generator stays its owner's.</summary>
    public void Dispose() => _turn.Dispose();

    private async IAsyncEnumerable<ChatResponseUpdate> AnswerAsync(
        int[] prompt,
        GenerationOptions options,
        bool thinking,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        string id = Guid.NewGuid().ToString("N");
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            using TextGeneration text = _generator.Start(prompt, options);
            var splitter = new ThoughtSplitter(thinking);
            while (true)
            {
                // A step computes; the caller's thread may be a user interface's.
                await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                if (!text.MoveNext(cancellationToken))
                    break;
                List<AIContent> contents = splitter.Split(text.Text.ToString());
                if (contents.Count > 0)
                    yield return Update(id, contents);
            }
            GenerationUsage usage = text.Usage;
            ChatResponseUpdate last = Update(id, [new UsageContent(Count(usage))]);
            last.FinishReason =
                text.FinishReason == FinishReason.Length
                    ? ChatFinishReason.Length
                    : ChatFinishReason.Stop;
            yield return last;
        }
        finally
        {
            _turn.Release();
        }
    }

    private ChatResponseUpdate Update(string id, IList<AIContent> contents) =>
        new(ChatRole.Assistant, contents)
        {
            ResponseId = id,
            MessageId = id,
            ModelId = _metadata.DefaultModelId,
            CreatedAt = DateTimeOffset.UtcNow,
        };

    private static UsageDetails Count(GenerationUsage usage) =>
        new()
        {
            InputTokenCount = usage.PromptTokens,
            OutputTokenCount = usage.GeneratedTokens,
            TotalTokenCount = usage.PromptTokens + usage.GeneratedTokens,
        };
}
