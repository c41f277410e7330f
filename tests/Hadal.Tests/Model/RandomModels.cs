using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Hadal.Checkpoints;
using Hadal.Cli.Synthesis;
using Hadal.Tests.Checkpoints;
using Hadal.Tests.Model.Reference;

namespace Hadal.Tests.Model;

/// <summary>Random checkpoints of presets, each written when it is first asked for, and what the reference makes of them.</summary>
public sealed class RandomModels : IDisposable
{
    /// <summary>Of a prompt: more than the presets' index_topk, so that its last tokens don't see all.</summary>
    public const int Tokens = 80;

    private const int Prompts = 5;

    private readonly TemporaryFolder _parent = new();
    private readonly ConcurrentDictionary<(string, bool), Lazy<string>> _folders = new();
    private readonly ConcurrentDictionary<(string, ReferenceRun), Lazy<float[][][]>> _logits =
        new();

    /// <param name="preset">Of <c>hadal synth</c>.</param>
    /// <param name="powersOfTwo">
    /// Whether scales of weights, activations and caches are powers of two, in place of what the preset says: products of
    /// FP8 codes are then exact, whatever the order of a sum, so that codes differ from the reference's hardly ever.
    /// </param>
    /// <returns>The checkpoint's folder.</returns>
    public string Folder(string preset, bool powersOfTwo) =>
        _folders
            .GetOrAdd(
                (preset, powersOfTwo),
                _ => new Lazy<string>(() => Write(preset, powersOfTwo))
            )
            .Value;

    /// <returns>[prompts][<see cref="Tokens"/>], the same for every model of a vocabulary.</returns>
    public static int[][] Ids(int vocabulary)
    {
        var random = new Random(11);
        return
        [
            .. Enumerable
                .Range(0, Prompts)
                .Select(_ =>
                    Enumerable.Range(0, Tokens).Select(_ => random.Next(vocabulary)).ToArray()
                ),
        ];
    }

    /// <returns>The reference's logits, [prompts][tokens][vocabulary].</returns>
    internal float[][][] Logits(string folder, ReferenceRun run) =>
        _logits.GetOrAdd((folder, run), _ => new(() => Compute(folder, run))).Value;

    public void Dispose() => _parent.Dispose();

    private string Write(string preset, bool powersOfTwo)
    {
        string folder = _parent.File($"{preset}-{powersOfTwo}");
        Directory.CreateDirectory(folder);
        JsonObject config = Preset.Config(preset);
        if (powersOfTwo)
            config["quantization_config"]!["scale_fmt"] = "ue8m0";
        var checkpoint = new RandomCheckpoint(
            System.Text.Encoding.UTF8.GetBytes(config.ToJsonString()),
            long.MaxValue
        )
        {
            Scales = powersOfTwo ? ScaleKind.PowersOfTwo : ScaleKind.General,
        };
        checkpoint.Write(folder, static _ => { }, TestContext.Current.CancellationToken);
        return folder;
    }

    private static float[][][] Compute(string folder, ReferenceRun run)
    {
        using var checkpoint = Checkpoint.Open(folder);
        var model = new ReferenceModel(checkpoint, run);
        return
        [
            .. Ids(checkpoint.Config.VocabSize)
                .Select(ids =>
                    model
                        .Logits(ids)
                        .Select(row => Array.ConvertAll(row, static logit => (float)logit))
                        .ToArray()
                ),
        ];
    }
}
