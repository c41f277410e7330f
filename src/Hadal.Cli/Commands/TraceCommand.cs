using System.CommandLine;
using Hadal.Checkpoints;
using Hadal.Cli.Arguments;
using Hadal.Cli.Tracing;
using Hadal.Model;
using Hadal.Server.Page;
using Hadal.Server.Selections;
using Hadal.Tokenization;

namespace Hadal.Cli.Commands;

/// <summary><c>hadal trace</c>: what the layers compute, as tensors, to compare another implementation with.</summary>
internal sealed class TraceCommand : Command
{
    private readonly Terminal _terminal;
    private readonly CheckpointArguments _model;
    private readonly RunArguments _run;
    private readonly JsonArgument _json;
    private readonly Option<string?> _ids = new("--ids")
    {
        Description = "The prompt's token ids, apart by spaces or commas",
        HelpName = "ids",
    };
    private readonly Option<string?> _tokens = new("--tokens")
    {
        Description = "The ids that follow, whatever the model would choose",
        HelpName = "ids",
    };
    private readonly Option<FileInfo?> _input = new("--input", "-i")
    {
        Description =
            "Takes both from the tensors 'ids' and 'tokens' of a safetensors file, such as another trace",
        HelpName = "path",
    };
    private readonly Option<int> _steps = new("--steps")
    {
        Description = "Steps where no tokens are given: the most probable one follows each",
        HelpName = "count",
        DefaultValueFactory = _ => 8,
    };
    private readonly Option<string?> _text = new("--text")
    {
        Description = "The prompt as a text, after the token that begins one",
        HelpName = "text",
    };
    private readonly Option<FileInfo?> _output = new("--output", "-o")
    {
        Description = "The safetensors file to write",
        HelpName = "path",
    };
    private readonly Option<FileInfo?> _html = new("--html")
    {
        Description =
            "The page to write that shows which tokens sparse attention chose: one file, which needs nothing else",
        HelpName = "path",
    };

    public TraceCommand(Terminal terminal)
        : base(
            "trace",
            "Writes what the layers compute for a prompt and the tokens after it: logits, hidden states, chosen tokens, experts"
        )
    {
        _terminal = terminal;
        _steps.MustBeFrom(1, int.MaxValue);
        Option[] options = [_ids, _tokens, _text, _input, _steps, _output, _html];
        foreach (Option option in options)
            Add(option);
        _model = new CheckpointArguments(this);
        _run = new RunArguments(this);
        _json = new JsonArgument(this);
        SetAction(Run);
    }

    private Task Run(ParseResult result, CancellationToken cancellationToken)
    {
        using Checkpoint checkpoint = _model.Open(result, cancellationToken);
        OutputFile? output = Output(result, _output, checkpoint);
        OutputFile? html = Output(result, _html, checkpoint);
        if (output is null && html is null)
            throw new UsageException("nothing is to be written: give --output, --html or both");
        if (output is not null && html?.IsSameAs(output) is true)
            throw new UsageException("--output and --html name one file; give two");
        // The page shows texts.
        DeepSeekTokenizer? tokenizer =
            html is not null || result.GetValue(_text) is not null
                ? DeepSeekTokenizer.Load(checkpoint.Folder)
                : null;
        (int[] prompt, int[]? forced) = ReadTokens(
            result,
            checkpoint.Config.VocabSize,
            tokenizer,
            cancellationToken
        );
        int steps = forced?.Length ?? result.GetValue(_steps);
        RequireRoom(prompt.Length, steps, checkpoint.Config.MaxPositionEmbeddings);
        using Device device = _run.OpenDevice(result);
        using DeepSeekModel model = ModelLoading.Load(
            _terminal,
            checkpoint,
            device,
            _run.Options(result),
            cancellationToken
        );
        TracedSteps traced = TracedSteps.Run(model, prompt, forced, steps, cancellationToken);
        output?.Write(traced.Write);
        html?.Write(path => WriteHtml(path, traced, model, tokenizer!, checkpoint.Folder));
        if (_json.IsGiven(result))
            _terminal.ShowJson(json =>
            {
                if (output is not null)
                    json.WriteString("output", output.Path);
                if (html is not null)
                    json.WriteString("html", html.Path);
                json.WriteNumber("prompt_tokens", prompt.Length);
                json.WriteNumber("steps", steps);
                json.WriteString("device", device.Name);
                json.WriteString("isa", device.Isa);
                json.WriteString("activations", model.Options.Activations.ToString());
            });
        else
            _terminal.Error.WriteLine(
                $"{Printable.Line(string.Join(", ", Paths(output, html)))}: a prompt of {prompt.Length} tokens and {steps} steps; {device}, {model.Options.Activations}"
            );
        return Task.CompletedTask;
    }

    private static OutputFile? Output(
        ParseResult result,
        Option<FileInfo?> option,
        Checkpoint checkpoint
    ) => result.GetValue(option) is { } file ? new OutputFile(option.Name, file, checkpoint) : null;

    private static IEnumerable<string> Paths(params OutputFile?[] files) =>
        files.OfType<OutputFile>().Select(static file => file.Path);

    private static void WriteHtml(
        string path,
        TracedSteps traced,
        DeepSeekModel model,
        DeepSeekTokenizer tokenizer,
        string folder
    )
    {
        var writer = new SelectionWriter(model, tokenizer);
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder));
        byte[] page = TracePage.Make(json =>
        {
            json.WriteString(
                "title",
                $"{name}: a prompt of {traced.Prompt.Length} tokens and {traced.Tokens.Count} that follow"
            );
            writer.WriteSequence(json, traced.Prompt);
            json.WriteStartArray("tokens");
            foreach ((int id, TokenSelection selection) in traced.Tokens.Zip(traced.Selections))
                writer.WriteToken(json, id, selection);
            json.WriteEndArray();
        });
        File.WriteAllBytes(path, page);
    }

    private (int[] Prompt, int[]? Forced) ReadTokens(
        ParseResult result,
        int vocabularySize,
        DeepSeekTokenizer? tokenizer,
        CancellationToken cancellationToken
    )
    {
        string? ids = result.GetValue(_ids);
        string? tokens = result.GetValue(_tokens);
        string? text = result.GetValue(_text);
        if (result.GetValue(_input) is { } input)
        {
            if (ids is not null || tokens is not null || text is not null)
                throw new UsageException(
                    "--input holds both the prompt and --tokens; give it, or --ids or --text"
                );
            using SafetensorsFile file = SafetensorsFile.Open(input.FullName);
            return (
                NotEmpty("'ids'", SafetensorsIds.Read(file, "ids", vocabularySize)),
                NotEmpty("'tokens'", SafetensorsIds.Read(file, "tokens", vocabularySize))
            );
        }
        if (ids is not null == text is not null)
            throw new UsageException(
                ids is null
                    ? "the prompt is missing: give --text, --ids or --input"
                    : "--ids and --text are both given; give one"
            );
        return (
            text is not null
                ? NotEmpty("--text", tokenizer!.Encode(text, cancellationToken: cancellationToken))
                : NotEmpty("--ids", TokenIds.Parse(ids!, vocabularySize)),
            tokens is null ? null : NotEmpty("--tokens", TokenIds.Parse(tokens, vocabularySize))
        );
    }

    private static void RequireRoom(int prompt, int steps, int longest)
    {
        // The last step's token is fed to nothing.
        if (prompt + (long)steps - 1 > longest)
            throw new UsageException(
                $"a prompt of {prompt} tokens and {steps} steps are more than the model's context, {longest}; give fewer by --steps, --ids or --input"
            );
    }

    private static int[] NotEmpty(string name, int[] ids) =>
        ids.Length > 0 ? ids : throw new UsageException($"{name} must have at least one token");
}
