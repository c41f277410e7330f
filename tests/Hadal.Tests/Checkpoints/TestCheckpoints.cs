using System.Text.Json;
using System.Text.Json.Nodes;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Tests.Checkpoints;

/// <summary>Checkpoints for tests: those of the checkout, and copies of them in another form.</summary>
internal static class TestCheckpoints
{
    public const string Index = "model.safetensors.index.json";

    /// <summary>A random DeepSeek-V3.2 in two shards.</summary>
    public static string RandomA { get; } = Path.Combine(Paths.Goldens, "random-a", "checkpoint");

    /// <summary>A random DeepSeek-V3 in one file.</summary>
    public static string RandomV3 { get; } = Path.Combine(Paths.Goldens, "random-v3", "checkpoint");

    /// <summary>A folder with one file of zeros that has just what a configuration wants, but for a change.</summary>
    public static TemporaryFolder WriteZeros(
        string configJson,
        Func<IEnumerable<TensorDeclaration>, IEnumerable<TensorDeclaration>> change
    )
    {
        var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("config.json"), configJson);
        var config = DeepSeekConfig.Parse(File.ReadAllBytes(folder.File("config.json")));
        TensorDeclaration[] tensors = [.. change(Declare(config))];
        using var writer = SafetensorsWriter.Create(folder.File("model.safetensors"), tensors);
        foreach (TensorDeclaration tensor in tensors)
        {
            Assert.True(tensor.DType.TryGetByteLength(tensor.Shape.AsSpan(), out long length));
            writer.Write<byte>(tensor.Name, new byte[length]);
        }
        writer.Complete();
        return folder;
    }

    /// <summary>A folder of shards that have just what a configuration wants, and are holes where their weights would be.</summary>
    public static TemporaryFolder WriteSparse(string configJson, int shards)
    {
        var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("config.json"), configJson);
        var config = DeepSeekConfig.Parse(File.ReadAllBytes(folder.File("config.json")));
        TensorDeclaration[] tensors = [.. Declare(config)];
        var map = new JsonObject();
        foreach (TensorDeclaration[] shard in tensors.Chunk(tensors.Length / shards + 1))
        {
            string name = $"{shard[0].Name}.safetensors";
            WriteSparse(folder.File(name), shard);
            foreach (TensorDeclaration tensor in shard)
                map[tensor.Name] = name;
        }
        File.WriteAllText(
            folder.File(Index),
            new JsonObject { ["weight_map"] = map }.ToJsonString()
        );
        return folder;
    }

    /// <summary>A copy of a checkpoint in other shards.</summary>
    /// <param name="source">Its folder.</param>
    /// <param name="shardOf">The file of a tensor's name.</param>
    public static TemporaryFolder Reshard(string source, Func<string, string> shardOf)
    {
        var folder = new TemporaryFolder();
        File.Copy(Path.Combine(source, "config.json"), folder.File("config.json"));
        using var checkpoint = Checkpoint.Open(source);
        var map = new JsonObject();
        foreach (
            IGrouping<string, TensorView> shard in checkpoint.Tensors.Values.GroupBy(t =>
                shardOf(t.Name)
            )
        )
        {
            using var writer = SafetensorsWriter.Create(
                folder.File(shard.Key),
                shard.Select(t => new TensorDeclaration(t.Name, t.DType, [.. t.Shape]))
            );
            foreach (TensorView tensor in shard)
            {
                writer.Write(tensor.Name, tensor.Bytes);
                map[tensor.Name] = shard.Key;
            }
            writer.Complete();
        }
        File.WriteAllText(
            folder.File(Index),
            new JsonObject { ["weight_map"] = map }.ToJsonString()
        );
        return folder;
    }

    private static void WriteSparse(string path, TensorDeclaration[] tensors)
    {
        long end = 0;
        var header = new JsonObject();
        foreach (TensorDeclaration tensor in tensors)
        {
            Assert.True(tensor.DType.TryGetByteLength(tensor.Shape.AsSpan(), out long length));
            header[tensor.Name] = new JsonObject
            {
                ["dtype"] = tensor.DType.Name,
                ["shape"] = new JsonArray([.. tensor.Shape.Select(size => JsonValue.Create(size))]),
                ["data_offsets"] = new JsonArray(end, end + length),
            };
            end += length;
        }
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        using FileStream stream = File.Create(path);
        stream.Write(BitConverter.GetBytes((long)json.Length));
        stream.Write(json);
        stream.SetLength(stream.Position + end);
    }

    private static IEnumerable<TensorDeclaration> Declare(DeepSeekConfig config)
    {
        foreach (WeightSpec weight in new WeightMap(config).Weights)
        {
            DType dtype = weight.Quantizable ? DType.F8E4M3 : DType.BF16;
            yield return new TensorDeclaration(weight.Name, dtype, weight.Shape);
            if (weight.Quantizable)
                yield return new TensorDeclaration(weight.ScaleName, DType.F32, weight.ScaleShape);
        }
    }
}
