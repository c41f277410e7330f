using System.Globalization;
using System.Text.Json.Nodes;
using Hadal.Cli.Synthesis;

namespace Hadal.Benchmarks;

/// <summary>Checkpoints of random weights in the temporary folder, each written when it is first asked for.</summary>
internal static class RandomFolder
{
    public static string Of(string preset, int layers, int denseLayers)
    {
        string folder = Path.Combine(
            Path.GetTempPath(),
            string.Create(
                CultureInfo.InvariantCulture,
                $"hadal-benchmarks-{preset}-{layers}-{denseLayers}"
            )
        );
        if (Directory.Exists(folder))
            return folder;
        JsonObject config = Preset.Config(preset);
        config["num_hidden_layers"] = layers;
        config["first_k_dense_replace"] = denseLayers;
        var checkpoint = new RandomCheckpoint(
            System.Text.Encoding.UTF8.GetBytes(config.ToJsonString()),
            long.MaxValue
        );
        // Under its own name only when it is whole.
        string unfinished = Directory.CreateTempSubdirectory("hadal-benchmarks-").FullName;
        checkpoint.Write(unfinished, static _ => { }, CancellationToken.None);
        Directory.Move(unfinished, folder);
        return folder;
    }
}
