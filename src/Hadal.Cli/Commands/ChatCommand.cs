using System.CommandLine;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Checkpoints;
using Hadal.Cli.Arguments;
using Hadal.Cli.Chatting;
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
    private readonly ToolArguments _tools;
    private readonly SchemaArgument _schema;
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
            "Holds a conversation, a line a turn; /help tells its commands, an empty line or the end of the input ends it"
        )
    {
        _terminal = terminal;
        _context.MustBeFrom(1, int.MaxValue);
        _model = new CheckpointArguments(this);
        _format = new ChatFormatArgument(this);
        Add(_system);
        Add(_thinking);
        Add(_context);
        _tools = new ToolArguments(this);
        _schema = new SchemaArgument(this);
        _sampling = new SamplingArguments(this);
        _run = new RunArguments(this);
        _drafts = new DraftArgument(this);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        string folder = _model.Folder(result);
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(folder);
        ChatTemplate template = _format.Template(result, tokenizer);
        ChatSettings settings = ReadSettings(result, folder, template);
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
        var lines = new ChatLines(_terminal);
        var session = new ChatSession(
            new ChatEngine(engine, template),
            _terminal,
            new ToolResults(_terminal, lines, _tools.Program(result)),
            _tools.MaxRounds(result),
            result.GetValue(_system)
        )
        {
            Settings = settings,
        };
        return await ConverseAsync(lines, session, cancellationToken).ConfigureAwait(false);
    }

    private ChatSettings ReadSettings(ParseResult result, string folder, ChatTemplate template)
    {
        (IReadOnlyList<ChatTool> tools, ToolChoice choice) = _tools.Read(result);
        var settings = new ChatSettings
        {
            Thinking = result.GetValue(_thinking),
            Tools = tools,
            ToolChoice = choice,
            Schema = _schema.Read(result),
            Generation = _sampling.Read(result, GenerationConfig.Read(folder)),
        };
        try
        {
            settings.Check(template);
        }
        // Then the message begins with the option's name.
        catch (ConversationException e) when (e.Path is "thinking" or "tools")
        {
            throw new UsageException($"--{e.Message}");
        }
        return settings;
    }

    /// <summary>Takes line by line to the end.</summary>
    /// <returns>The exit status: a script is told that a line failed.</returns>
    private async Task<int> ConverseAsync(
        ChatLines lines,
        ChatSession session,
        CancellationToken cancellationToken
    )
    {
        var commands = new SlashCommands(_terminal, session);
        int status = 0;
        while (await lines.ReadTurnAsync(cancellationToken).ConfigureAwait(false) is { } line)
        {
            try
            {
                if (!SlashCommands.Is(line))
                    await session
                        .RespondAsync(SlashCommands.Said(line), cancellationToken)
                        .ConfigureAwait(false);
                else if (!commands.Run(line))
                    break;
            }
            catch (HadalException e)
            {
                await _terminal
                    .Error.WriteLineAsync($"hadal: {Printable.Line(e.Message)}")
                    .ConfigureAwait(false);
                if (_terminal.Piped is not null)
                    status = ExitStatus.Failure;
            }
        }
        return status;
    }
}
