using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Hadal.Checkpoints;

namespace Hadal.Tests.Model;

/// <summary>
/// Configurations of random fields with random values, the same on every run: each is read or refused with a
/// <see cref="CheckpointException"/>, and what is read is a model whose weights can be listed, in bounded memory.
/// </summary>
public sealed class DeepSeekConfigFuzzTests
{
    private const int Rounds = 4000;
    private const long MaxAllocatedBytes = 16 << 20;

    private static readonly string[] Names =
    [
        .. Original().Select(field => field.Key),
        .. Original()["rope_scaling"]!.AsObject().Select(field => $"rope_scaling.{field.Key}"),
        .. Original()["quantization_config"]!
            .AsObject()
            .Select(f => $"quantization_config.{f.Key}"),
        "rope_parameters",
        "rope_scaling.rope_type",
        "rope_scaling.rope_theta",
        "mlp_layer_types",
        "layer_types",
        "indexer_types",
        "indexer_rope_interleave",
        "num_local_experts",
        "dtype",
    ];

    private static readonly string[] Words =
    [
        "yarn",
        "default",
        "dense",
        "full",
        "fp8",
        "float",
        "\u202e",
        "",
    ];

    [Fact]
    public void Random_fields_are_read_or_refused()
    {
        var random = new Random(5);
        int refused = 0;
        for (int round = 0; round < Rounds; round++)
        {
            JsonObject json = Original();
            for (int changes = random.Next(1, 4); changes > 0; changes--)
                Change(random, json, Names[random.Next(Names.Length)]);
            byte[] bytes = Encoding.UTF8.GetBytes(json.ToJsonString());
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                DeepSeekConfig config = DeepSeekConfig.Parse(bytes);
                Assert.True(new WeightMap(config).Count > 0);
                Assert.All(config.InverseFrequencies(), f => Assert.True(float.IsFinite(f)));
                Assert.True(float.IsFinite(config.SoftmaxScale));
            }
            catch (CheckpointException e)
            {
                Assert.StartsWith("config.json", e.Message, StringComparison.Ordinal);
                refused++;
            }
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MaxAllocatedBytes);
        }
        // Were few refused or few read, the fields or the checks would be void.
        Assert.InRange(refused, Rounds / 2, Rounds * 19 / 20);
    }

    private static void Change(Random random, JsonObject json, string path)
    {
        string[] names = path.Split('.');
        if (names is [var outer, _])
        {
            if (json[outer] is not JsonObject inner)
                return;
            json = inner;
        }
        if (random.Next(8) == 0)
            json.Remove(names[^1]);
        else
            json[names[^1]] = Value(random, 0);
    }

    private static JsonNode? Value(Random random, int depth) =>
        random.Next(depth < 3 ? 12 : 9) switch
        {
            0 => null,
            1 => JsonValue.Create(random.Next(2) == 0),
            2 => JsonValue.Create(random.Next(-2, 4)),
            3 => JsonValue.Create(64 * random.Next(1, 64)),
            4 => JsonValue.Create(
                random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64)
            ),
            5 => JsonNode.Parse(
                $"{random.Next(-9, 9)}e{random.Next(-400, 400).ToString(CultureInfo.InvariantCulture)}"
            ),
            6 => JsonValue.Create(random.NextDouble()),
            7 => JsonValue.Create(Names[random.Next(Names.Length)]),
            8 => JsonValue.Create(Words[random.Next(Words.Length)]),
            9 => new JsonArray([
                .. Enumerable.Range(0, random.Next(5)).Select(_ => Value(random, depth + 1)),
            ]),
            10 => new JsonObject { ["rope_type"] = "yarn", ["factor"] = Value(random, depth + 1) },
            _ => new JsonObject { ["rope_theta"] = Value(random, depth + 1) },
        };

    private static JsonObject Original() =>
        JsonNode
            .Parse(
                File.ReadAllBytes(
                    Path.Combine(Paths.Goldens, "random-a", "checkpoint", "config.json")
                )
            )!
            .AsObject();
}
