using System.CommandLine;
using System.Globalization;
using Hadal.Checkpoints;
using Hadal.Cli.Arguments;
using Hadal.Cli.Measuring;
using Hadal.Model;
using Hadal.Tokenization;
using Spectre.Console;

namespace Hadal.Cli.Commands;

/// <summary><c>hadal perplexity</c>: how well a model foretells a text, with sparse and with dense attention.</summary>
internal sealed class PerplexityCommand : Command
{
    private const int StepTokens = 128;

    private readonly Terminal _terminal;
    private readonly TextArguments _text;
    private readonly BosArguments _bos;
    private readonly CheckpointArguments _model;
    private readonly RunArguments _run;
    private readonly JsonArgument _json;
    private readonly Option<FileInfo?> _ids = new("--ids")
    {
        Description = "Takes token ids instead, from the tensor 'ids' of a safetensors file",
        HelpName = "path",
    };
    private readonly Option<int[]> _windows = new("--window", "-w")
    {
        Description =
            "Tokens of a window, each a fresh sequence; may be given several times. Without it, 1024 or what the model takes",
        HelpName = "tokens",
        DefaultValueFactory = _ => [],
    };
    private readonly Option<int> _count = new("--count", "-n")
    {
        Description = "The most windows to measure; without it, the whole text",
        HelpName = "count",
        DefaultValueFactory = _ => int.MaxValue,
    };

    private readonly Option<bool> _bosEachWindow = new("--bos-each-window")
    {
        Description =
            "Begins every window with the token that begins a text, instead of the text alone",
    };

    public PerplexityCommand(Terminal terminal)
        : base(
            "perplexity",
            "Measures how well the model foretells a text, with sparse and with dense attention"
        )
    {
        _terminal = terminal;
        _count.MustBeFrom(1, int.MaxValue);
        _windows.MustBeFrom(2, int.MaxValue);
        _text = new TextArguments(this, terminal, "text", "The text");
        _bos = new BosArguments(this);
        Add(_bosEachWindow);
        Add(_ids);
        Add(_windows);
        Add(_count);
        _model = new CheckpointArguments(this);
        _run = new RunArguments(this);
        _json = new JsonArgument(this);
        SetAction(RunAsync);
    }

    private async Task RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        using Checkpoint checkpoint = _model.Open(result, cancellationToken);
        int[] ids = await ReadIdsAsync(result, checkpoint, cancellationToken).ConfigureAwait(false);
        int? bos = BosOfWindows(result, checkpoint.Config);
        int[] windows = WindowsOf(result, checkpoint.Config, ids.Length);
        using Device device = _run.OpenDevice(result);
        List<Measurement> measurements = [];
        LossException? failure = null;
        foreach (int window in windows)
        {
            int[] tokens = bos is { } token ? BeginWindows(ids, window, token) : ids;
            int count = Math.Min(result.GetValue(_count), tokens.Length / window);
            // Selection of as many tokens as there are is dense attention.
            int dense = (window + 63) / 64 * 64;
            (string Attention, int? TopK)[] kinds = checkpoint.Config.Indexer is null
                ? [("dense", null)]
                : [("sparse", null), ("dense", dense)];
            foreach ((string attention, int? topK) in kinds)
            {
                if (_terminal.IsWatched)
                    await _terminal
                        .Error.WriteLineAsync($"{count} windows of {window}, {attention}")
                        .ConfigureAwait(false);
                using DeepSeekModel model = ModelLoading.Load(
                    _terminal,
                    checkpoint,
                    device,
                    OptionsFor(result, window, topK),
                    cancellationToken
                );
                double loss = double.NaN;
                try
                {
                    loss = WindowLoss.Mean(model, tokens, window, count, cancellationToken);
                }
                // The others' losses are worth a script's while; a person is told of this one alone.
                catch (LossException e) when (_json.IsGiven(result))
                {
                    failure ??= e;
                }
                measurements.Add(new Measurement(window, count, attention, loss));
            }
        }
        if (_json.IsGiven(result))
            ShowJson(measurements, device);
        else
            Show(measurements);
        if (failure is not null)
            throw failure;
    }

    private async Task<int[]> ReadIdsAsync(
        ParseResult result,
        Checkpoint checkpoint,
        CancellationToken cancellationToken
    )
    {
        if (result.GetValue(_ids) is { } path)
        {
            if (!_bos.IsOpen(result))
                throw new UsageException(
                    "--bos and --no-bos are for text; --ids are taken as they are"
                );
            if (_text.IsGiven(result))
                throw new UsageException("a text and --ids are both given; give one");
            using SafetensorsFile file = SafetensorsFile.Open(path.FullName);
            return SafetensorsIds.Read(file, "ids", checkpoint.Config.VocabSize);
        }
        string text = await _text.ReadAsync(result, cancellationToken).ConfigureAwait(false);
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(checkpoint.Folder);
        tokenizer.RequireFits(checkpoint.Config.VocabSize);
        return _bos.Encode(result, tokenizer, text, cancellationToken);
    }

    private int? BosOfWindows(ParseResult result, DeepSeekConfig config) =>
        result.GetValue(_bosEachWindow)
            ? config.BosTokenId
                ?? throw new UsageException(
                    "--bos-each-window: config.json tells of no bos_token_id"
                )
            : null;

    /// <summary>The text with BOS before each window's share of it, and before its begin once at most.</summary>
    private static int[] BeginWindows(int[] ids, int window, int bos) =>
        [
            .. ids.Skip(ids[0] == bos ? 1 : 0)
                .Chunk(window - 1)
                .SelectMany(share => share.Prepend(bos)),
        ];

    private int[] WindowsOf(ParseResult result, DeepSeekConfig config, int length)
    {
        int[] windows = result.GetValue(_windows)!;
        if (windows.Length == 0)
            windows = [Math.Min(Math.Min(1024, config.MaxPositionEmbeddings), length)];
        foreach (int window in windows)
        {
            if (window < 2 || window > config.MaxPositionEmbeddings)
                throw new UsageException(
                    $"--window is {window}; it must be from 2 to the model's longest context, {config.MaxPositionEmbeddings}"
                );
            if (window > length)
                throw new UsageException(
                    $"--window is {window}, and the text has only {length} tokens"
                );
        }
        return windows;
    }

    private ModelOptions OptionsFor(ParseResult result, int window, int? topK)
    {
        int step = Math.Min(StepTokens, window);
        return _run.Options(result) with
        {
            MaxStepTokens = step,
            MaxLogitRows = step,
            MaxContextTokens = window,
            IndexTopK = topK,
        };
    }

    private void ShowJson(List<Measurement> measurements, Device device) =>
        _terminal.ShowJson(json =>
        {
            json.WriteStartArray("results");
            foreach (Measurement measurement in measurements)
            {
                json.WriteStartObject();
                json.WriteNumber("window", measurement.Window);
                json.WriteNumber("windows", measurement.Count);
                json.WriteString("attention", measurement.Attention);
                json.WriteFinite("loss", measurement.Loss);
                json.WriteFinite("perplexity", measurement.Perplexity);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteString("device", device.Name);
            json.WriteString("isa", device.Isa);
        });

    private void Show(List<Measurement> measurements)
    {
        Table table = new Table()
            .Border(TableBorder.Simple)
            .AddColumn("windows", c => c.RightAligned())
            .AddColumn("tokens each", c => c.RightAligned())
            .AddColumn("attention")
            .AddColumn("loss", c => c.RightAligned())
            .AddColumn("perplexity", c => c.RightAligned());
        foreach (Measurement measurement in measurements)
        {
            table.AddRow(
                measurement.Count.ToString(CultureInfo.InvariantCulture),
                measurement.Window.ToString(CultureInfo.InvariantCulture),
                measurement.Attention,
                measurement.Loss.ToString("0.0000", CultureInfo.InvariantCulture),
                measurement.Perplexity.ToString("0.00", CultureInfo.InvariantCulture)
            );
        }
        _terminal.Show(table);
    }
}
