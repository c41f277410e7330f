using Hadal.Chat;
using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tokenization;

namespace Hadal.Answering;

/// <summary>
/// Answers conversations with an engine: writes the prompt, keeps the answer to the tools' schemas and to the format that is
/// asked for, and tells reasoning, content and calls apart. It keeps no conversation: each request brings all its turns, and
/// what they begin with is mostly in the engine's prefix cache. Of its last answers it keeps the tokens, which go into the
/// prompts that have those answers. Thread-safe.
/// </summary>
public sealed class ChatEngine
{
    private readonly SampledAnswers _answers = new(mostTokens: 1 << 20);
    private readonly AnswerGrammars _grammars;

    /// <param name="engine">Generates the answers; it stays its caller's to dispose.</param>
    /// <param name="template">The chat format; null takes the checkpoint's own.</param>
    /// <exception cref="TokenizerException">The checkpoint's own chat format is not known.</exception>
    public ChatEngine(InferenceEngine engine, ChatTemplate? template = null)
    {
        ArgumentNullException.ThrowIfNull(engine);
        Engine = engine;
        Template = template ?? ChatTemplate.For(engine.Tokenizer);
        _grammars = new AnswerGrammars(Template.Format);
    }

    /// <summary>Generates the answers.</summary>
    public InferenceEngine Engine { get; }

    /// <summary>The chat format.</summary>
    public ChatTemplate Template { get; }

    /// <summary>Grammars that were compiled so far.</summary>
    internal int CompiledGrammars => _grammars.Compiled;

    /// <summary>Refuses what <see cref="Submit"/> refuses without tokenizing the prompt or compiling a grammar.</summary>
    /// <param name="request">The request.</param>
    /// <exception cref="ConversationException">
    /// The conversation is not whole, or it, the choice of tools and the format don't go together or not with the model.
    /// </exception>
    /// <exception cref="ArgumentException">The options have a grammar.</exception>
    public void Check(ChatRequest request) => _ = Template.Render(Told(request));

    /// <summary>Submits a request, and waits for nothing; the prompt is made on the caller's thread.</summary>
    /// <param name="request">The request.</param>
    /// <param name="cancellationToken">Ends the making of the prompt.</param>
    /// <exception cref="ConversationException">
    /// The conversation is not whole, or it, the choice of tools and the format don't go together or not with the model.
    /// </exception>
    /// <exception cref="GrammarException">A schema can't be kept to; the message names the place.</exception>
    /// <exception cref="ArgumentException">Options contradict each other or the model.</exception>
    /// <exception cref="TokenizerException">The tokenizer lacks a token of the format.</exception>
    /// <exception cref="ContextLengthException">The prompt is longer than the context.</exception>
    /// <exception cref="CacheTooSmallException">The prompt is longer than the cache.</exception>
    /// <exception cref="QueueFullException">As many requests wait as may.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public ChatAnswer Submit(ChatRequest request, CancellationToken cancellationToken = default)
    {
        ChatConversation conversation = Told(request);
        ChatPrompt prompt = Encode(conversation, request.Generation.CacheSalt, cancellationToken);
        Grammar? grammar = _grammars.Of(request, conversation.Tools);
        GenerationOptions options = request.Generation;
        AnswerChoice[] choices =
        [
            .. Enumerable
                .Range(0, options.Choices)
                .Select(index => new AnswerChoice(
                    index,
                    new ChatParser(
                        Template.Format,
                        prompt.StartsThinking,
                        conversation.Tools.Count > 0,
                        options.Stop.Strings
                    ),
                    Engine.Tokenizer,
                    options.SkipSpecialTokens
                )),
        ];
        InferenceRequest submitted = Engine.Submit(
            prompt.Ids.Span,
            options with
            {
                Grammar = prompt.StartsThinking ? grammar?.AfterThought() : grammar,
                SkipSpecialTokens = false,
                Stop = options.Stop with { Strings = [] },
            }
        );
        return new ChatAnswer(
            prompt.Ids,
            submitted,
            choices,
            turn => _answers.Add(turn, options.CacheSalt)
        );
    }

    /// <summary><see cref="Submit"/> that makes the prompt on the thread pool.</summary>
    /// <param name="request">The request.</param>
    /// <param name="cancellationToken">Ends the making of the prompt.</param>
    public Task<ChatAnswer> SubmitAsync(
        ChatRequest request,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(request);
        return Task.Run(() => Submit(request, cancellationToken), cancellationToken);
    }

    /// <summary>The prompt that <see cref="Submit"/> makes; what it throws is as there.</summary>
    /// <param name="request">The request.</param>
    /// <param name="cancellationToken">Ends the making of the prompt.</param>
    internal ChatPrompt Encode(ChatRequest request, CancellationToken cancellationToken) =>
        Encode(Told(request), request.Generation.CacheSalt, cancellationToken);

    private ChatPrompt Encode(
        ChatConversation conversation,
        string salt,
        CancellationToken cancellationToken
    ) =>
        Template.Encode(
            Engine.Tokenizer,
            conversation with
            {
                Turns = [.. conversation.Turns.Select(turn => _answers.WithIds(turn, salt))],
            },
            cancellationToken
        );

    /// <summary>What the prompt tells.</summary>
    private static ChatConversation Told(ChatRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Generation.Grammar is not null)
            throw new ArgumentException(
                $"{nameof(ChatRequest.Generation)} has a {nameof(GenerationOptions.Grammar)}; give it to {nameof(ChatRequest.Format)}: {nameof(AnswerFormat)}.{nameof(AnswerFormat.Of)}",
                nameof(request)
            );
        ChatConversation conversation = request.Conversation;
        ToolChoice choice = request.ToolChoice;
        if (choice == ToolChoice.None)
            return conversation with { Tools = [] };
        IReadOnlyList<ToolDefinition> tools = conversation.Tools;
        CheckNames(tools);
        if (choice.ToolName is { } name && tools.All(tool => tool.Name != name))
            throw new ConversationException(
                "tool_choice",
                $"is '{QuotedText.Shorten(name)}', must be the name of one of tools"
            );
        if (choice.IsRequired && tools.Count == 0)
            throw new ConversationException(
                "tool_choice",
                "asks for a call, but there are no tools"
            );
        if (tools.Count > 0 && request.Format.Grammar is not null)
            throw new ConversationException(
                "response_format",
                "is a grammar, which is not for answers that may call tools; leave out tools, or use a JSON schema"
            );
        return conversation;
    }

    private static void CheckNames(IReadOnlyList<ToolDefinition> tools)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < tools.Count; i++)
        {
            if (!names.Add(tools[i].Name))
                throw new ConversationException(
                    $"tools[{i}].function.name",
                    $"is '{QuotedText.Shorten(tools[i].Name)}', as of a tool before it; names must differ"
                );
        }
    }
}
