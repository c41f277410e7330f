using System.Text.Json;
using Hadal.Checkpoints;
using Hadal.Generation;

namespace Hadal.Cli;

/// <summary>A checkpoint's <c>generation_config.json</c>: how its makers recommend to sample.</summary>
internal static class RecommendedSampling
{
    private const string FileName = "generation_config.json";

    /// <returns>Greedy where there is no such file or it says so.</returns>
    /// <exception cref="CheckpointException">The file is broken.</exception>
    public static SamplingOptions Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return new SamplingOptions();
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement root = document.RootElement;
            if (!root.TryGetProperty("do_sample", out JsonElement sample) || !sample.GetBoolean())
                return new SamplingOptions();
            return new SamplingOptions
            {
                Temperature = Number("temperature", 1),
                TopK = (int)Number("top_k", 0),
                TopP = Number("top_p", 1),
                MinP = Number("min_p", 0),
                RepetitionPenalty = Number("repetition_penalty", 1),
            };

            float Number(string name, float otherwise) =>
                root.TryGetProperty(name, out JsonElement value) ? value.GetSingle() : otherwise;
        }
        catch (Exception e)
            when (e
                    is JsonException
                        or InvalidOperationException
                        or FormatException
                        or ArgumentOutOfRangeException
            )
        {
            throw new CheckpointException($"{FileName}: is broken: {e.Message}", e);
        }
    }
}
