using System.CommandLine;
using Hadal.Checkpoints;
using Hadal.Cli.Arguments;
using Hadal.Cli.Benchmarking;
using Hadal.Model;

namespace Hadal.Cli.Commands;

/// <summary><c>hadal bench</c>: what a token costs as the context grows, with sparse and with dense attention.</summary>
internal sealed class BenchCommand : Command
{
    private const int ShortestDefault = 1024;
    private const int MostRepeats = 1000;

    private readonly Terminal _terminal;
    private readonly CheckpointArguments _model;
    private readonly Option<int[]> _contexts = new("--contexts")
    {
        Description =
            "Lengths of context to measure at, in tokens; without it, the powers of two from 1024 to --max",
        HelpName = "tokens",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [],
    };
    private readonly Option<int> _max = new("--max")
    {
        Description = "The longest context of those by default; the model may end sooner",
        HelpName = "tokens",
        DefaultValueFactory = _ => 128 * 1024,
    };
    private readonly Option<int> _chunk = new("--chunk")
    {
        Description = "Tokens of a prefill step",
        HelpName = "tokens",
        DefaultValueFactory = _ => 512,
    };
    private readonly Option<int> _decode = new("--decode")
    {
        Description = "Tokens decoded for a measurement",
        HelpName = "tokens",
        DefaultValueFactory = _ => 8,
    };
    private readonly Option<int> _repeats = new("--repeats")
    {
        Description = "Measurements of each, of which the median counts",
        HelpName = "count",
        DefaultValueFactory = _ => 3,
    };
    private readonly Option<string> _densePrefill = new("--dense-prefill")
    {
        Description =
            "The form of the dense prefill: expanded, which is the cheaper one, or absorbed, which takes less memory",
        HelpName = "form",
        DefaultValueFactory = _ => "expanded",
    };
    private readonly Option<bool> _noDense = new("--no-dense")
    {
        Description = "Leaves dense attention out, which takes most of the time in long contexts",
    };
    private readonly Option<FileInfo?> _csv = new("--csv")
    {
        Description = "Writes the figures as comma-separated values",
        HelpName = "path",
    };
    private readonly Option<FileInfo?> _plot = new("--plot")
    {
        Description = "Draws cost against position, as PNG",
        HelpName = "path",
    };
    private readonly Option<bool> _ops = new("--ops")
    {
        Description =
            "Shows which operations the time goes to; on a device whose calls wait for their work, as the CPU",
    };
    private readonly PriceArgument _price;
    private readonly ServeBenchmark _serve;
    private readonly RunArguments _run;
    private readonly JsonArgument _json;

    public BenchCommand(Terminal terminal)
        : base(
            "bench",
            "Measures what a token costs as the context grows, with sparse and with dense attention. Tokens are random, and "
                + "contexts are not computed: their caches are filled with random latents and keys, which makes the chosen "
                + "tokens lie anywhere. With --threads 1 processor time is measured, which a busy machine changes little."
        )
    {
        _terminal = terminal;
        _max.MustBeFrom(1, int.MaxValue);
        _chunk.MustBeFrom(1, int.MaxValue);
        _decode.MustBeFrom(1, int.MaxValue);
        _repeats.MustBeFrom(1, MostRepeats);
        _contexts.MustBeFrom(0, int.MaxValue);
        _densePrefill.MustBeOneOf("absorbed", "expanded");
        _model = new CheckpointArguments(this);
        Add(_contexts);
        Add(_max);
        Add(_chunk);
        Add(_decode);
        Add(_repeats);
        Add(_densePrefill);
        Add(_noDense);
        Add(_csv);
        Add(_plot);
        Add(_ops);
        _price = new PriceArgument(this);
        _serve = new ServeBenchmark(terminal, this);
        _run = new RunArguments(this);
        _json = new JsonArgument(this);
        SetAction(RunAsync);
    }

    private async Task RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        using Checkpoint checkpoint = _model.Open(result, cancellationToken);
        OutputFile? csv = OutputOf(_csv, result, checkpoint);
        OutputFile? plot = OutputOf(_plot, result, checkpoint);
        using Device device = _run.OpenDevice(result);
        if (_serve.IsAskedFor(result))
        {
            if (_price.PerHour(result) is not null)
                throw new UsageException(
                    "--price-per-hour is for the cost at positions, where prompts and generated tokens are told apart; leave out --serve"
                );
            ModelOptions options = _run.Options(result) with
            {
                MaxStepTokens = result.GetValue(_chunk),
            };
            await _serve
                .RunAsync(
                    result,
                    checkpoint,
                    device,
                    options,
                    _json.IsGiven(result),
                    cancellationToken
                )
                .ConfigureAwait(false);
            return;
        }
        bool leavesDense = result.GetValue(_noDense);
        if (leavesDense && checkpoint.Config.Indexer is null)
            throw new UsageException(
                $"--no-dense leaves nothing to measure: a {checkpoint.Config.ModelType} has dense attention alone"
            );
        bool timesOps = result.GetValue(_ops);
        if (timesOps && !device.IsSynchronous)
            throw new UsageException(
                $"--ops can't time {device}: a call there only queues its work; take --device cpu"
            );
        var sweep = new PositionSweep(checkpoint, device)
        {
            TimesOps = timesOps,
            PrefillTokens = result.GetValue(_chunk),
            DecodeTokens = result.GetValue(_decode),
            Repeats = result.GetValue(_repeats),
            ByProcessorTime = _run.IsSingleThreaded(result),
        };
        int[] contexts = ContextsOf(
            result,
            checkpoint.Config.MaxPositionEmbeddings,
            sweep.RoomNeeded
        );
        List<CostAtPosition> costs = [];
        // The first measurement pays for compiling what it runs, and doesn't count.
        _ = sweep.Measure(0, "", Kinds(0)[0].Options, cancellationToken);
        ProgressBar.Show(
            _terminal,
            $"measuring {contexts.Length} contexts",
            contexts.Sum(context => (double)context + sweep.RoomNeeded),
            report =>
            {
                foreach (int context in contexts)
                {
                    foreach ((string attention, ModelOptions options) in Kinds(context))
                        costs.Add(sweep.Measure(context, attention, options, cancellationToken));
                    report(context + sweep.RoomNeeded);
                }
            }
        );
        var report = new CostReport(costs, sweep, _price.PerHour(result));
        csv?.Write(path => File.WriteAllText(path, report.Csv()));
        plot?.Write(path => CostPlot.Save(costs, Path.GetFileName(checkpoint.Folder), path));
        if (_json.IsGiven(result))
            report.ShowJson(_terminal, device);
        else
            report.Show(_terminal);

        List<(string Attention, ModelOptions Options)> Kinds(int context)
        {
            ModelOptions options = _run.Options(result);
            ModelOptions dense = options with
            {
                PrefillForm =
                    result.GetValue(_densePrefill) == "expanded"
                        ? PrefillForm.Expanded
                        : PrefillForm.Absorbed,
            };
            if (checkpoint.Config.Indexer is null)
                return [(CostReport.Dense, dense)];
            if (leavesDense)
                return [("sparse", options)];
            // Selection of as many tokens as there are is dense attention.
            int all = (context + sweep.RoomNeeded + 63) / 64 * 64;
            return [("sparse", options), (CostReport.Dense, dense with { IndexTopK = all })];
        }
    }

    private static OutputFile? OutputOf(
        Option<FileInfo?> option,
        ParseResult result,
        Checkpoint checkpoint
    ) => result.GetValue(option) is { } file ? new OutputFile(option.Name, file, checkpoint) : null;

    /// <param name="result">The command line.</param>
    /// <param name="all">The model's longest context.</param>
    /// <param name="room">Tokens of it that a measurement needs.</param>
    private int[] ContextsOf(ParseResult result, int all, int room)
    {
        int longest = all - room;
        int[] contexts = result.GetValue(_contexts)!;
        if (longest < (contexts.Length == 0 ? 1 : 0))
        {
            Option<int> option = result.GetValue(_chunk) == room ? _chunk : _decode;
            throw new UsageException(
                $"{option.Name} is {room}; the model's context, {all} tokens, has no room for it and a token before"
            );
        }
        if (contexts.Length == 0)
        {
            int max = Math.Min(result.GetValue(_max), longest);
            for (long context = ShortestDefault; context <= max; context *= 2)
                contexts = [.. contexts, (int)context];
            if (contexts.Length == 0)
                contexts = [max];
        }
        foreach (int context in contexts)
        {
            if (context > longest)
                throw new UsageException(
                    $"--contexts has {context}; it must be from 0 to {longest}, where the model's longest context leaves room for --chunk and --decode"
                );
        }
        return [.. contexts.Distinct().Order()];
    }
}
