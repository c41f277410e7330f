using Hadal.Checkpoints;
using Hadal.Model;
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
        var declared = new List<TensorDeclaration>();
        foreach (WeightSpec weight in new WeightMap(config).Weights)
        {
            DType dtype = weight.Quantizable ? DType.F8E4M3 : DType.BF16;
            declared.Add(new TensorDeclaration(weight.Name, dtype, weight.Shape));
            if (weight.Quantizable)
                declared.Add(new TensorDeclaration(weight.ScaleName, DType.F32, weight.ScaleShape));
        }
        TensorDeclaration[] tensors = [.. change(declared)];
        using var writer = SafetensorsWriter.Create(folder.File("model.safetensors"), tensors);
        foreach (TensorDeclaration tensor in tensors)
        {
            Assert.True(tensor.DType.TryGetByteLength(tensor.Shape.AsSpan(), out long length));
            writer.Write<byte>(tensor.Name, new byte[length]);
        }
        writer.Complete();
        return folder;
    }
}
