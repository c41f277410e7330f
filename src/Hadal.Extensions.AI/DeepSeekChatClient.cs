using System.Runtime.CompilerServices;
using Hadal.Generation;
using Hadal.Tokenization;
using Microsoft.Extensions.AI;

namespace Hadal.Extensions.AI;

/// <summary>
/// Answers conversations with a model in this process. It keeps no conversation: each request brings all its messages.
/// Thread-safe: requests are answered at the same time, their steps by turns, also one that is made while another's stream
/// is being read.
/// </summary>
/// <remarks>
/// Each request that is not answered to its end has its own place in the generator's cache, which must hold as many
/// conversations as there are such requests. One that finds the cache full does not wait, since those that have it may wait
/// for this one: it ends with <see cref="Caching.CacheFullException"/>, and the others go on.
/// </remarks>
public sealed class DeepSeekChatClient : IChatClient
{
    private readonly TokenGenerator _generator;
    private readonly ChatTemplate _template;
    private readonly GenerationOptions _defaults;
    private readonly ChatClientMetadata _metadata;
    private readonly CancellationTokenSource _disposal = new();

    /// <summary>A client over a generator, which stays its caller's to dispose.</summary>
    /// <param name="generator">Generates the answers; its cache must hold all conversations that are answered at the same time.</param>
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
    /// <exception cref="Caching.CacheFullException">Other requests have the cache.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed, before or meanwhile.</exception>
    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        CancellationToken cancellationToken = default
    ) =>
        GetStreamingResponseAsync(messages, options, cancellationToken)
            .ToChatResponseAsync(cancellationToken);

    /// <inheritdoc />
    /// <exception cref="NotSupportedException">An option or a content can't be had; the message names it.</exception>
    /// <exception cref="Caching.CacheFullException">Other requests have the cache.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed, before or meanwhile.</exception>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(messages);
        ObjectDisposedException.ThrowIf(_disposal.IsCancellationRequested, this);
        // Here, not in the iterator: what is refused is refused by this call.
        bool thinking = OptionMapping.Thinks(options);
        List<ChatTurn> turns = MessageMapping.Turns(messages, options?.Instructions);
        _ = _template.Render(turns, thinking);
        GenerationOptions generation = OptionMapping.Map(options, _defaults, _metadata, this);
        return AnswerAsync(turns, generation, thinking, cancellationToken);
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

    /// <summary>Ends all requests with <see cref="ObjectDisposedException"/>; the generator stays its owner's.</summary>
    public void Dispose() => _disposal.Cancel();

    private async IAsyncEnumerable<ChatResponseUpdate> AnswerAsync(
        List<ChatTurn> turns,
        GenerationOptions options,
        bool thinking,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        // Tokenizing computes; the caller's thread may be a user interface's.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(
            cancellationToken,
            _disposal.Token
        );
        string id = Guid.NewGuid().ToString("N");
        int[] prompt = _template.Encode(_generator.Tokenizer, turns, thinking, cancellationToken);
        using TextGeneration text = _generator.Start(prompt, options);
        var splitter = new ThoughtSplitter(thinking);
        while (await MoveNextAsync(text, either.Token, cancellationToken).ConfigureAwait(false))
        {
            List<AIContent> contents = splitter.Split(text.Text.ToString());
            if (contents.Count > 0)
                yield return Update(id, contents);
        }
        ChatResponseUpdate last = Update(id, [new UsageContent(Count(text.Usage))]);
        last.FinishReason =
            text.FinishReason == FinishReason.Length
                ? ChatFinishReason.Length
                : ChatFinishReason.Stop;
        yield return last;
    }

    private async ValueTask<bool> MoveNextAsync(
        TextGeneration text,
        CancellationToken either,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return await text.MoveNextAsync(either).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new ObjectDisposedException(GetType().FullName);
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
