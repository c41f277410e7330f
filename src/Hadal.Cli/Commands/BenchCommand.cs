using System.CommandLine;
using System.Globalization;
using System.Text;
using Hadal.Checkpoints;
using Hadal.Cli.Arguments;
using Hadal.Cli.Benchmarking;
using Hadal.Model;
using Spectre.Console;

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
        Add(_csv);
        Add(_plot);
        Add(_ops);
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
        csv?.Write(path => File.WriteAllText(path, Csv(costs)));
        plot?.Write(path => CostPlot.Save(costs, Path.GetFileName(checkpoint.Folder), path));
        if (_json.IsGiven(result))
            ShowJson(costs, sweep, device);
        else
            Show(costs, sweep);

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
                return [("dense", dense)];
            // Selection of as many tokens as there are is dense attention.
            int all = (context + sweep.RoomNeeded + 63) / 64 * 64;
            return [("sparse", options), ("dense", dense with { IndexTopK = all })];
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

    private static string Csv(List<CostAtPosition> costs)
    {
        var text = new StringBuilder(
            "context_tokens,attention,prefill_ms_per_token,decode_ms_per_token\n"
        );
        foreach (CostAtPosition cost in costs)
            text.Append(
                CultureInfo.InvariantCulture,
                $"{cost.Context},{cost.Attention},{cost.Prefill * 1e3:0.00000},{cost.Decode * 1e3:0.00000}\n"
            );
        return text.ToString();
    }

    private void ShowJson(List<CostAtPosition> costs, PositionSweep sweep, Device device) =>
        _terminal.ShowJson(json =>
        {
            json.WriteStartArray("results");
            foreach (CostAtPosition cost in costs)
            {
                json.WriteStartObject();
                json.WriteNumber("context_tokens", cost.Context);
                json.WriteString("attention", cost.Attention);
                json.WriteFinite("prefill_ms_per_token", cost.Prefill * 1e3);
                json.WriteFinite("decode_ms_per_token", cost.Decode * 1e3);
                if (sweep.TimesOps)
                {
                    json.WriteStartObject("ops");
                    foreach (OpCost op in OpCosts(cost, sweep))
                    {
                        json.WriteStartObject(op.Op);
                        json.WriteFinite("prefill_ms_per_token", op.Prefill * 1e3);
                        json.WriteFinite("decode_ms_per_token", op.Decode * 1e3);
                        json.WriteEndObject();
                    }
                    json.WriteEndObject();
                }
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteString("context_content", "random");
            json.WriteString("clock", sweep.ByProcessorTime ? "processor" : "wall");
            json.WriteString("device", device.Name);
            json.WriteString("isa", device.Isa);
        });

    private void Show(List<CostAtPosition> costs, PositionSweep sweep)
    {
        Table table = new Table()
            .Border(TableBorder.Simple)
            .AddColumn("context", c => c.RightAligned())
            .AddColumn("attention")
            .AddColumn("prefill tok/s", c => c.RightAligned())
            .AddColumn("decode tok/s", c => c.RightAligned())
            .AddColumn("prefill, dense / this", c => c.RightAligned())
            .AddColumn("decode, dense / this", c => c.RightAligned());
        foreach (CostAtPosition cost in costs)
        {
            CostAtPosition dense = costs.Last(c => c.Context == cost.Context);
            table.AddRow(
                Number(cost.Context, "0"),
                cost.Attention,
                Number(1 / cost.Prefill, "0.0"),
                Number(1 / cost.Decode, "0.0"),
                Number(dense.Prefill / cost.Prefill, "0.00"),
                Number(dense.Decode / cost.Decode, "0.00")
            );
        }
        _terminal.Show(table);
        if (sweep.TimesOps)
        {
            foreach (CostAtPosition cost in costs)
                ShowOps(cost, sweep);
        }
        _terminal.Output.WriteLine(
            "The contexts' caches were filled with random latents and keys, not by prefill."
        );
    }

    private void ShowOps(CostAtPosition cost, PositionSweep sweep)
    {
        Table table = new Table()
            .Border(TableBorder.Simple)
            .AddColumn($"{cost.Context} {cost.Attention}")
            .AddColumn("prefill µs / token", c => c.RightAligned())
            .AddColumn("share", c => c.RightAligned())
            .AddColumn("decode µs / token", c => c.RightAligned())
            .AddColumn("share", c => c.RightAligned());
        List<OpCost> ops = OpCosts(cost, sweep);
        double prefill = ops.Sum(op => op.Prefill);
        double decode = ops.Sum(op => op.Decode);
        foreach (OpCost op in ops)
        {
            table.AddRow(
                op.Op,
                Number(op.Prefill * 1e6, "0.00"),
                Number(op.Prefill / prefill, "0.0 %"),
                Number(op.Decode * 1e6, "0.0"),
                Number(op.Decode / decode, "0.0 %")
            );
        }
        _terminal.Show(table);
    }

    /// <summary>An operation's seconds a token, of a prompt and generated.</summary>
    private sealed record OpCost(string Op, double Prefill, double Decode);

    private static List<OpCost> OpCosts(CostAtPosition cost, PositionSweep sweep)
    {
        var decode = cost.DecodeOps.ToDictionary(time => time.Op, time => time.Time.TotalSeconds);
        var prefill = cost.PrefillOps.ToDictionary(time => time.Op, time => time.Time.TotalSeconds);
        return
        [
            .. prefill
                .Keys.Union(decode.Keys)
                .Select(op => new OpCost(
                    op,
                    prefill.GetValueOrDefault(op) / sweep.PrefillTokens,
                    decode.GetValueOrDefault(op) / sweep.DecodeTokens
                ))
                .OrderByDescending(op => op.Decode),
        ];
    }

    private static string Number(double value, string format) =>
        double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "-";
}
