using System.CommandLine;
using Hadal.Checkpoints;
using Hadal.Cli.Arguments;
using Hadal.Cli.Tracing;
using Hadal.Model;

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
    private readonly Option<FileInfo> _output = new("--output", "-o")
    {
        Description = "The safetensors file to write",
        HelpName = "path",
        Required = true,
    };

    public TraceCommand(Terminal terminal)
        : base(
            "trace",
            "Writes what the layers compute for a prompt and the tokens after it: logits, hidden states, chosen tokens, experts"
        )
    {
        _terminal = terminal;
        _steps.MustBeFrom(1, int.MaxValue);
        Option[] options = [_ids, _tokens, _input, _steps, _output];
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
        FileInfo file = result.GetRequiredValue(_output);
        var output = new OutputFile(_output.Name, file, checkpoint);
        (int[] prompt, int[]? forced) = ReadTokens(result, checkpoint.Config.VocabSize);
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
        output.Write(traced.Write);
        if (_json.IsGiven(result))
            _terminal.ShowJson(json =>
            {
                json.WriteString("output", file.FullName);
                json.WriteNumber("prompt_tokens", prompt.Length);
                json.WriteNumber("steps", steps);
                json.WriteString("device", device.Name);
                json.WriteString("isa", device.Isa);
                json.WriteString("activations", model.Options.Activations.ToString());
            });
        else
            _terminal.Error.WriteLine(
                $"{Printable.Line(file.FullName)}: a prompt of {prompt.Length} tokens and {steps} steps; {device}, {model.Options.Activations}"
            );
        return Task.CompletedTask;
    }

    private (int[] Prompt, int[]? Forced) ReadTokens(ParseResult result, int vocabularySize)
    {
        string? ids = result.GetValue(_ids);
        string? tokens = result.GetValue(_tokens);
        if (result.GetValue(_input) is { } input)
        {
            if (ids is not null || tokens is not null)
                throw new UsageException(
                    "--input holds both --ids and --tokens; give one or the other"
                );
            using SafetensorsFile file = SafetensorsFile.Open(input.FullName);
            return (
                NotEmpty("'ids'", SafetensorsIds.Read(file, "ids", vocabularySize)),
                NotEmpty("'tokens'", SafetensorsIds.Read(file, "tokens", vocabularySize))
            );
        }
        if (ids is null)
            throw new UsageException("the prompt is missing: give --ids or --input");
        return (
            NotEmpty("--ids", TokenIds.Parse(ids, vocabularySize)),
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
