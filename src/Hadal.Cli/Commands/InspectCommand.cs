using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Hadal.Checkpoints;
using Hadal.Cli.Arguments;
using Hadal.Model;
using Hadal.Tensors;
using Spectre.Console;

namespace Hadal.Cli.Commands;

/// <summary><c>hadal inspect</c>: what a checkpoint is and what it needs, told before its weights are read.</summary>
internal sealed class InspectCommand : Command
{
    private static readonly int[] Contexts = [4096, 16384, 32768, 65536, 131072];

    private readonly Terminal _terminal;
    private readonly CheckpointArguments _model;
    private readonly RunArguments _run;
    private readonly DraftArgument _drafts;
    private readonly JsonArgument _json;

    public InspectCommand(Terminal terminal)
        : base(
            "inspect",
            "Tells what a checkpoint is and what hardware it needs, without loading it"
        )
    {
        _terminal = terminal;
        _model = new CheckpointArguments(this, runs: false);
        _run = new RunArguments(this, runs: false);
        _drafts = new DraftArgument(this);
        _json = new JsonArgument(this);
        SetAction(Run);
    }

    private Task Run(ParseResult result, CancellationToken cancellationToken)
    {
        using Checkpoint checkpoint = _model.Open(result, cancellationToken);
        using Device device = _run.OpenDevice(result);
        var summary = new CheckpointSummary(
            checkpoint,
            device,
            _drafts.Model(result, checkpoint.Config, _run.Options(result))
        );
        long memory = device.MemoryBytes;
        if (_json.IsGiven(result))
            _terminal.ShowJson(json => Write(json, checkpoint, summary, memory));
        else
            Show(checkpoint, summary, memory);
        return Task.CompletedTask;
    }

    private static void Write(
        Utf8JsonWriter json,
        Checkpoint checkpoint,
        CheckpointSummary summary,
        long memory
    )
    {
        DeepSeekConfig config = summary.Config;
        json.WriteString("folder", checkpoint.Folder);
        json.WriteString("model_type", config.ModelType);
        json.WriteNumber("layers", config.NumHiddenLayers);
        json.WriteNumber("prediction_layers", config.NumNextnPredictLayers);
        json.WriteNumber("parameters", summary.Parameters);
        json.WriteNumber("active_parameters", summary.ActiveParameters);
        json.WriteNumber("files", checkpoint.Files.Count);
        json.WriteNumber("tensors", checkpoint.Tensors.Count);
        json.WriteNumber("weight_bytes", summary.WeightBytes);
        json.WriteStartObject("bytes_by_type");
        foreach ((DType type, long bytes) in summary.BytesByDType)
            json.WriteNumber(type.Name, bytes);
        json.WriteEndObject();
        json.WriteNumber("prediction_bytes", summary.PredictionBytes);
        json.WriteNumber("expanded_bytes", summary.ExpandedBytes);
        json.WriteNumber("cache_bytes_per_token", summary.CacheBytesPerToken);
        json.WriteStartArray("contexts");
        foreach (int tokens in ContextsOf(config))
        {
            json.WriteStartObject();
            json.WriteNumber("tokens", tokens);
            json.WriteNumber("cache_bytes", summary.CacheBytes(tokens));
            json.WriteNumber("total_bytes", summary.MemoryNeeded(tokens));
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteNumber("machine_memory_bytes", memory);
        json.WriteStartArray("notes");
        foreach (string note in checkpoint.Notes)
            json.WriteStringValue(note);
        json.WriteEndArray();
    }

    private void Show(Checkpoint checkpoint, CheckpointSummary summary, long memory)
    {
        DeepSeekConfig config = summary.Config;
        Table about = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "");
        about.AddRow("folder", Markup.Escape(Printable.Line(checkpoint.Folder)));
        about.AddRow("model", Describe(config));
        about.AddRow("layers", DescribeLayers(config));
        about.AddRow("attention", DescribeAttention(config));
        about.AddRow(
            "experts",
            $"{config.NumExpertsPerTok} of {config.NRoutedExperts}, and {config.NSharedExperts} shared"
        );
        about.AddRow(
            "parameters",
            $"{Units.Count(summary.Parameters)}, {Units.Count(summary.ActiveParameters)} of them for one token"
        );
        about.AddRow(
            "weights",
            $"{Units.Bytes(summary.WeightBytes)} in {checkpoint.Tensors.Count} tensors, {checkpoint.Files.Count} files: "
                + string.Join(
                    ", ",
                    summary.BytesByDType.Select(t => $"{t.Key.Name} {Units.Bytes(t.Value)}")
                )
        );
        if (summary.PredictionBytes > 0)
            about.AddRow(
                "prediction",
                $"{Units.Bytes(summary.PredictionBytes)} of the weights, which only --drafts loads"
            );
        about.AddRow("longest context", $"{config.MaxPositionEmbeddings} tokens");
        foreach (string note in checkpoint.Notes)
            about.AddRow("note", Markup.Escape(note));
        _terminal.Show(about);

        Table need = new Table()
            .Border(TableBorder.Simple)
            .AddColumn("context", c => c.RightAligned())
            .AddColumn("cache of a sequence", c => c.RightAligned())
            .AddColumn("with the weights loaded", c => c.RightAligned())
            .AddColumn($"this machine, {Units.Bytes(memory)}");
        foreach (int tokens in ContextsOf(config))
        {
            long cache = summary.CacheBytes(tokens);
            long total = summary.MemoryNeeded(tokens);
            need.AddRow(
                tokens.ToString(CultureInfo.InvariantCulture),
                Units.Bytes(cache),
                Units.Bytes(total),
                total <= memory ? "has it" : $"lacks {Units.Bytes(total - memory)}"
            );
        }
        _terminal.Show(need);
        long least = summary.MemoryNeeded(1);
        _terminal.Output.WriteLine(
            $"On the CPU the weights are read in place from the files: with less than {Units.Bytes(least)} of memory it "
                + "still runs, at the speed of the disk."
        );
        long weights = summary.MemoryNeeded(0) - summary.ExpandedBytes;
        foreach (double card in (ReadOnlySpan<double>)[24e9, 80e9, 141e9])
        {
            _terminal.Output.WriteLine(
                $"A card of {Units.Bytes(card)}: {(weights <= card ? "has room for the weights" : $"too small; {Math.Ceiling(weights / card)} of them would hold the weights, and Hadal uses one")}."
            );
        }
    }

    /// <summary>Context lengths worth telling, up to the longest that the model takes.</summary>
    private static IEnumerable<int> ContextsOf(DeepSeekConfig config) =>
        Contexts
            .Where(tokens => tokens < config.MaxPositionEmbeddings)
            .Append(config.MaxPositionEmbeddings);

    private static string Describe(DeepSeekConfig config) =>
        $"{config.ModelType}: hidden {config.HiddenSize}, vocabulary {config.VocabSize}";

    private static string DescribeLayers(DeepSeekConfig config) =>
        $"{config.NumHiddenLayers}, of which {config.FirstKDenseReplace} dense"
        + (
            config.NumNextnPredictLayers == 0
                ? ""
                : $"; {config.NumNextnPredictLayers} for multi-token prediction"
        );

    private static string DescribeAttention(DeepSeekConfig config) =>
        $"{config.NumAttentionHeads} heads, "
        + (
            config.Indexer is { } indexer
                ? $"sparse: {indexer.NumHeads} index heads choose {indexer.TopK} tokens"
                : "dense"
        );
}
