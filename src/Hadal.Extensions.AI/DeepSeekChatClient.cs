using System.Runtime.CompilerServices;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Inference;
using Hadal.Tokenization;
using Microsoft.Extensions.AI;

namespace Hadal.Extensions.AI;

/// <summary>
/// Answers conversations with a model in this process. It keeps no conversation: each request brings all its messages, and what
/// they begin with is mostly in the engine's prefix cache; see <see cref="ChatEngine"/>. Thread-safe: requests are answered at the same time, each step of the model works on all of them.
/// </summary>
/// <remarks>A request that finds no room in the cache waits for others to end.</remarks>
public sealed class DeepSeekChatClient : IChatClient
{
    private readonly ChatEngine _chat;
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
        _chat = new ChatEngine(engine, template);
        _defaults = defaults ?? new GenerationOptions();
        _metadata = new ChatClientMetadata(
            "hadal",
            defaultModelId: modelId ?? engine.Model.Config.ModelType
        );
    }

    /// <inheritdoc />
    /// <exception cref="NotSupportedException">An option or a content can't be had; the message names it.</exception>
    /// <exception cref="ConversationException">The messages and options are none that the format can ask with.</exception>
    /// <exception cref="GrammarException">A schema can't be kept to; the message names the place.</exception>
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
    /// <exception cref="ConversationException">The messages and options are none that the format can ask with.</exception>
    /// <exception cref="GrammarException">A schema can't be kept to; the message names the place.</exception>
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
        ChatRequest request = Request(messages, options);
        _chat.Check(request);
        return AnswerAsync(request, cancellationToken);
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
        if (serviceType.IsInstanceOfType(_chat))
            return _chat;
        return serviceType.IsInstanceOfType(_chat.Engine) ? _chat.Engine : null;
    }

    /// <summary>Ends all requests with <see cref="ObjectDisposedException"/>; the engine stays its owner's.</summary>
    public void Dispose() => _disposal.Cancel();

    private ChatRequest Request(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        GenerationOptions generation = OptionMapping.Map(options, _defaults, _metadata, this);
        AnswerFormat format = OptionMapping.Format(options);
        // A grammar of the defaults is for answers without another format.
        if (generation.Grammar is { } grammar)
        {
            generation = generation with { Grammar = null };
            if (format == AnswerFormat.Text)
                format = AnswerFormat.Of(grammar);
        }
        return new ChatRequest
        {
            Conversation = new ChatConversation
            {
                Turns = MessageMapping.Turns(messages, options?.Instructions),
                Tools = ToolMapping.Tools(options),
                ResponseSchema = (options?.ResponseFormat as ChatResponseFormatJson)?.Schema,
                Thinking = OptionMapping.Thinks(options),
            },
            ToolChoice = ToolMapping.Choice(options),
            ParallelToolCalls = options?.AllowMultipleToolCalls ?? true,
            Format = format,
            Generation = generation,
        };
    }

    private async IAsyncEnumerable<ChatResponseUpdate> AnswerAsync(
        ChatRequest request,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(
            cancellationToken,
            _disposal.Token
        );
        string id = Guid.NewGuid().ToString("N");
        ChatAnswer answer = await Unlinked(
                new ValueTask<ChatAnswer>(_chat.SubmitAsync(request, either.Token)),
                cancellationToken
            )
            .ConfigureAwait(false);
        AnswerChoice choice = answer.Choices[0];
        await using IAsyncEnumerator<AnswerUpdate> updates = answer.GetAsyncEnumerator(
            either.Token
        );
        while (await Unlinked(updates.MoveNextAsync(), cancellationToken).ConfigureAwait(false))
        {
            List<AIContent> contents = [.. Contents(updates.Current.Deltas, choice)];
            if (contents.Count > 0)
                yield return Update(id, contents);
        }
        ChatResponseUpdate last = Update(id, [new UsageContent(Count(answer))]);
        last.FinishReason = choice.Finish switch
        {
            AnswerFinish.Stop => ChatFinishReason.Stop,
            AnswerFinish.Length => ChatFinishReason.Length,
            AnswerFinish.ToolCalls => ChatFinishReason.ToolCalls,
            { } other => new ChatFinishReason(other.ToString().ToLowerInvariant()),
            null => null,
        };
        yield return last;
    }

    /// <summary>Texts as they come, calls when they are whole.</summary>
    private static IEnumerable<AIContent> Contents(
        IReadOnlyList<ChatDelta> deltas,
        AnswerChoice choice
    )
    {
        foreach (ChatDelta delta in deltas)
        {
            if (delta.Kind == ChatDeltaKind.Reasoning)
                yield return new TextReasoningContent(delta.Text);
            else if (delta.Kind == ChatDeltaKind.Content)
                yield return new TextContent(delta.Text);
            else if (delta.Kind == ChatDeltaKind.CallEnd)
                yield return ToolMapping.Content(choice.ToolCalls[delta.Call]);
        }
    }

    /// <summary>The result of what two tokens cancel; the error tells which of them did.</summary>
    private async ValueTask<T> Unlinked<T>(ValueTask<T> task, CancellationToken cancellationToken)
    {
        try
        {
            return await task.ConfigureAwait(false);
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

    private static UsageDetails Count(ChatAnswer answer)
    {
        GenerationUsage usage = answer.Usage;
        return new()
        {
            InputTokenCount = usage.PromptTokens,
            CachedInputTokenCount = usage.CachedTokens,
            OutputTokenCount = usage.GeneratedTokens,
            ReasoningTokenCount = answer.ReasoningTokens,
            TotalTokenCount = usage.PromptTokens + usage.GeneratedTokens,
        };
    }
}
