using System.CommandLine;
using Hadal.Chat;
using Hadal.Checkpoints;
using Hadal.Cli.Arguments;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tokenization;

namespace Hadal.Cli.Commands;

/// <summary><c>hadal chat</c>: a conversation, line by line, in the checkpoint's own chat format.</summary>
internal sealed class ChatCommand : Command
{
    private readonly Terminal _terminal;
    private readonly CheckpointArguments _model;
    private readonly RunArguments _run;
    private readonly SamplingArguments _sampling;
    private readonly DraftArgument _drafts;
    private readonly ChatFormatArgument _format;
    private readonly Option<string?> _system = new("--system")
    {
        Description = "What the model is told before the conversation",
        HelpName = "text",
    };
    private readonly Option<bool> _thinking = new("--thinking")
    {
        Description = "Lets the model think before it answers",
    };
    private readonly Option<int> _context = new("--context")
    {
        Description = "The most tokens of the whole conversation, up to the model's own limit",
        HelpName = "count",
        DefaultValueFactory = _ => 8192,
    };

    public ChatCommand(Terminal terminal)
        : base(
            "chat",
            "Holds a conversation, a line a turn; an empty line or the end of the input ends it"
        )
    {
        _terminal = terminal;
        _context.MustBeFrom(1, int.MaxValue);
        _model = new CheckpointArguments(this);
        _format = new ChatFormatArgument(this);
        Add(_system);
        Add(_thinking);
        Add(_context);
        _sampling = new SamplingArguments(this);
        _run = new RunArguments(this);
        _drafts = new DraftArgument(this);
        SetAction(RunAsync);
    }

    private async Task RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        string folder = _model.Folder(result);
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(folder);
        ChatTemplate template = _format.Template(result, tokenizer);
        bool thinking = result.GetValue(_thinking);
        if (thinking && template.Format == ChatFormat.V3)
            throw new UsageException("--thinking: DeepSeek-V3 has no thinking mode");
        // The mark that ends a thought is part of the text: the next prompt leaves out what is before it.
        GenerationOptions options = _sampling.Read(result, GenerationConfig.Read(folder)) with
        {
            SkipSpecialTokens = false,
        };
        using Checkpoint checkpoint = _model.Open(result, cancellationToken);
        tokenizer.RequireFits(checkpoint.Config.VocabSize);
        int context = Math.Min(result.GetValue(_context), checkpoint.Config.MaxPositionEmbeddings);
        using Device device = _run.OpenDevice(result);
        using DeepSeekModel model = ModelLoading.Load(
            _terminal,
            checkpoint,
            device,
            _drafts.Model(
                result,
                checkpoint.Config,
                _run.Options(result) with
                {
                    MaxContextTokens = context,
                }
            ),
            cancellationToken
        );
        using var engine = new InferenceEngine(model, tokenizer, _drafts.Engine(result, context));
        List<ChatTurn> turns = [];
        if (result.GetValue(_system) is { } system)
            turns.Add(ChatTurn.System(system));
        while (await ReadTurnAsync(cancellationToken).ConfigureAwait(false) is { } line)
        {
            turns.Add(ChatTurn.User(line));
            ChatPrompt prompt = template.Encode(
                tokenizer,
                new ChatConversation { Turns = turns, Thinking = thinking },
                cancellationToken
            );
            InferenceRequest answer = engine.Submit(prompt.Ids.Span, options);
            List<int> ids = [];
            string text = TextStream.Write(_terminal, answer, ids, cancellationToken);
            turns.Add(Answer(text, ids, prompt.StartsThinking));
            await _terminal
                .Error.WriteLineAsync(TextStream.Describe(answer, model))
                .ConfigureAwait(false);
        }
    }

    private static ChatTurn Answer(string text, List<int> ids, bool isThoughtFirst)
    {
        const string thoughtEnd = "</think>";
        if (!isThoughtFirst)
            return ChatTurn.Assistant(text, ids);
        int end = text.IndexOf(thoughtEnd, StringComparison.Ordinal);
        string said = end < 0 ? "" : text[(end + thoughtEnd.Length)..];
        string thought = end < 0 ? text : text[..end];
        return ChatTurn.Assistant(said, ids) with { Reasoning = thought };
    }

    /// <summary>The next line; null at the end.</summary>
    private async Task<string?> ReadTurnAsync(CancellationToken cancellationToken)
    {
        if (_terminal.IsInteractive)
            await _terminal.Output.WriteAsync("> ").ConfigureAwait(false);
        TextReader input = _terminal.Piped ?? _terminal.Keyboard;
        // A console's read can't be cancelled: it is left behind.
        string? line = await Task.Run(input.ReadLine, CancellationToken.None)
            .WaitAsync(cancellationToken)
            .ConfigureAwait(false);
        return string.IsNullOrWhiteSpace(line) ? null : line;
    }
}
