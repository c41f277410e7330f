using System.Runtime.CompilerServices;
using System.Text;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Tokenization;
using Microsoft.Extensions.AI;

namespace Hadal.Extensions.AI;

/// <summary>
/// Answers conversations with a model in this process. It keeps no conversation: each request brings all its messages, and what
/// they begin with is mostly in the engine's prefix cache. Of its last answers it keeps the tokens, which go into the prompts
/// that have those answers. Thread-safe: requests are answered at the same time, each step of the model works on all of them.
/// </summary>
/// <remarks>A request that finds no room in the cache waits for others to end.</remarks>
public sealed class DeepSeekChatClient : IChatClient
{
    private readonly InferenceEngine _engine;
    private readonly SampledAnswers _answers = new(mostTokens: 1 << 20);
    private readonly ChatTemplate _template;
    private readonly GenerationOptions _defaults;
    private readonly ChatClientMetadata _metadata;
    private readonly CancellationTokenSource _disposal = new();

    /// <summary>A client over an engine, which stays its caller's to dispose.</summary>
    /// <param name="engine">Generates the answers.</param>
    /// <param name="template">The chat format; null takes the checkpoint's own.</param>
    /// <param name="defaults">What <see cref="ChatOptions"/> leave open; null for greedy answers of any length.</param>
    /// <param name="modelId">The model's name; null takes the config's model_type.</param>
    /// <exception cref="TokenizerException">The checkpoint's own chat format is not known.</exception>
    /// <exception cref="ArgumentException">The defaults have more than one choice: an answer is one text.</exception>
    public DeepSeekChatClient(
        InferenceEngine engine,
        ChatTemplate? template = null,
        GenerationOptions? defaults = null,
        string? modelId = null
    )
    {
        ArgumentNullException.ThrowIfNull(engine);
        if (defaults?.Choices > 1)
            throw new ArgumentException(
                $"{nameof(GenerationOptions.Choices)} is {defaults.Choices}, must be 1: an answer is one text",
                nameof(defaults)
            );
        _engine = engine;
        _template = template ?? ChatTemplate.For(engine.Tokenizer);
        _defaults = defaults ?? new GenerationOptions();
        _metadata = new ChatClientMetadata(
            "hadal",
            defaultModelId: modelId ?? engine.Model.Config.ModelType
        );
    }

    /// <inheritdoc />
    /// <exception cref="NotSupportedException">An option or a content can't be had; the message names it.</exception>
    /// <exception cref="ConversationException">The messages are none that the format can ask with.</exception>
    /// <exception cref="QueueFullException">As many requests wait as may.</exception>
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
    /// <exception cref="ConversationException">The messages are none that the format can ask with.</exception>
    /// <exception cref="QueueFullException">As many requests wait as may.</exception>
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
        var conversation = new ChatConversation
        {
            Turns = MessageMapping.Turns(messages, options?.Instructions, _answers),
            Thinking = OptionMapping.Thinks(options),
        };
        _ = _template.Render(conversation);
        GenerationOptions generation = OptionMapping.Map(options, _defaults, _metadata, this);
        return AnswerAsync(conversation, generation, cancellationToken);
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
        return serviceType.IsInstanceOfType(_engine) ? _engine : null;
    }

    /// <summary>Ends all requests with <see cref="ObjectDisposedException"/>; the engine stays its owner's.</summary>
    public void Dispose() => _disposal.Cancel();

    private async IAsyncEnumerable<ChatResponseUpdate> AnswerAsync(
        ChatConversation conversation,
        GenerationOptions options,
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
        ChatPrompt prompt = _template.Encode(_engine.Tokenizer, conversation, cancellationToken);
        InferenceRequest request = _engine.Submit(prompt.Ids.Span, options);
        await using IAsyncEnumerator<GeneratedToken> tokens = request.GetAsyncEnumerator(
            either.Token
        );
        var splitter = new ThoughtSplitter(prompt.StartsThinking);
        var ids = new List<int>();
        var text = new StringBuilder();
        while (await MoveNextAsync(tokens, cancellationToken).ConfigureAwait(false))
        {
            // What was held back when the time was up comes without a token.
            if (tokens.Current.Id >= 0)
                ids.Add(tokens.Current.Id);
            List<AIContent> contents = splitter.Split(tokens.Current.Text);
            foreach (TextContent content in contents.OfType<TextContent>())
                text.Append(content.Text);
            if (contents.Count > 0)
                yield return Update(id, contents);
        }
        _answers.Add(text.ToString(), [.. ids]);
        ChatResponseUpdate last = Update(id, [new UsageContent(Count(request.Usage))]);
        last.FinishReason = request.FinishReasons[0] switch
        {
            FinishReason.Stop => ChatFinishReason.Stop,
            FinishReason.Length => ChatFinishReason.Length,
            { } other => new ChatFinishReason(other.ToString().ToLowerInvariant()),
            null => null,
        };
        yield return last;
    }

    private async ValueTask<bool> MoveNextAsync(
        IAsyncEnumerator<GeneratedToken> tokens,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return await tokens.MoveNextAsync().ConfigureAwait(false);
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
            CachedInputTokenCount = usage.CachedTokens,
            OutputTokenCount = usage.GeneratedTokens,
            TotalTokenCount = usage.PromptTokens + usage.GeneratedTokens,
        };
}
