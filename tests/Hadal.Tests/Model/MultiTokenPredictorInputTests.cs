using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Model;
using Hadal.Tensors;
using Hadal.Tests.Model.Reference;

namespace Hadal.Tests.Model;

/// <summary>
/// What goes into the MTP layer and what its head makes of its output, against numerics computed here in double: in a
/// copy of the embedded model whose MTP blocks give nothing, so that the residual stream is eh_proj's output.
/// </summary>
public sealed class MultiTokenPredictorInputTests : IDisposable
{
    private const string Mtp = "model.layers.4";
    private const double Epsilon = 1e-6;

    private readonly string _folder = Directory.CreateTempSubdirectory("hadal-mtp-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Predictor_joins_the_next_embedding_and_the_hidden_state()
    {
        CopyWithSilentBlocks();
        using Device device = Device.Cpu(1);
        using Checkpoint checkpoint = Checkpoint.Open(_folder);
        using DeepSeekModel model = DeepSeekModel.Load(
            checkpoint,
            device,
            new ModelOptions { Activations = ActivationMode.Float32, LoadPredictor = true }
        );
        var trace = new ModelTrace();
        using PagedCache cache = model.CreateCache(64);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        batch.Trace = trace;
        batch.Add(sequence, [0, 311, 512], RowKind.Prefill);
        model.Forward(batch, TestContext.Current.CancellationToken);
        float[] logits = model
            .Draft(batch, [311, 512, 700], TestContext.Current.CancellationToken)[0]
            .ToArray();

        double[] hidden = Norm(
            Doubles(trace.Layers[3].Hidden),
            Vector(checkpoint, "model.norm.weight")
        );
        double[] embedding = Row(checkpoint, $"{Mtp}.embed_tokens.weight", 700);
        double[] joined =
        [
            .. Norm(embedding, Vector(checkpoint, $"{Mtp}.enorm.weight")),
            .. Norm(hidden, Vector(checkpoint, $"{Mtp}.hnorm.weight")),
        ];
        double[] projected = Project(
            checkpoint,
            Quantization.RoundTrip(joined, scalesArePowersOfTwo: true)
        );
        AssertClose(trace.Layers[4].Hidden, projected, 0.005);

        double[] output = Norm(
            Doubles(trace.Layers[4].Hidden),
            Vector(checkpoint, $"{Mtp}.shared_head.norm.weight")
        );
        double[] expected = new double[logits.Length];
        for (int i = 0; i < expected.Length; i++)
            expected[i] = Dot(Row(checkpoint, $"{Mtp}.shared_head.head.weight", i), output);
        AssertClose(logits, expected, 1e-5);
    }

    private void CopyWithSilentBlocks()
    {
        foreach (string file in Directory.GetFiles(Paths.EmbeddedModel))
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        using Checkpoint original = Checkpoint.Open(Paths.EmbeddedModel);
        foreach (SafetensorsFile file in original.Files)
        {
            using FileStream copy = File.OpenWrite(
                Path.Combine(_folder, Path.GetFileName(file.Path))
            );
            foreach ((string name, TensorView tensor) in file.Tensors)
            {
                if (
                    !name.StartsWith(Mtp, StringComparison.Ordinal)
                    || !(
                        name.EndsWith("o_proj.weight_scale_inv", StringComparison.Ordinal)
                        || name.EndsWith("down_proj.weight_scale_inv", StringComparison.Ordinal)
                    )
                )
                    continue;
                copy.Position = tensor.Offset;
                copy.Write(new byte[tensor.ByteLength]);
            }
        }
    }

    private static double[] Project(Checkpoint checkpoint, double[] x)
    {
        TensorView weight = checkpoint[$"{Mtp}.eh_proj.weight"];
        TensorView scale = checkpoint[$"{Mtp}.eh_proj.weight_scale_inv"];
        int rows = (int)weight.Shape[0];
        int columns = (int)weight.Shape[1];
        var y = new double[rows];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
                y[i] +=
                    x[j]
                    * E4M3.Decode(weight.Bytes[i * columns + j])
                    * scale.AsSpan<float>()[i / 128 * (columns / 128) + j / 128];
        }
        return y;
    }

    private static double[] Norm(double[] x, double[] weight)
    {
        double scale = 1 / Math.Sqrt(Dot(x, x) / x.Length + Epsilon);
        return [.. x.Select((value, i) => value * scale * weight[i])];
    }

    private static double[] Vector(Checkpoint checkpoint, string name) =>
        BFloat16(checkpoint[name].AsSpan<ushort>());

    private static double[] Row(Checkpoint checkpoint, string name, int row)
    {
        TensorView tensor = checkpoint[name];
        int columns = (int)tensor.Shape[1];
        return BFloat16(tensor.AsSpan<ushort>().Slice(row * columns, columns));
    }

    private static double[] BFloat16(ReadOnlySpan<ushort> values)
    {
        var result = new double[values.Length];
        for (int i = 0; i < result.Length; i++)
            result[i] = BitConverter.UInt32BitsToSingle((uint)values[i] << 16);
        return result;
    }

    private static double[] Doubles(float[] values) => [.. values.Select(v => (double)v)];

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static void AssertClose(float[] made, double[] expected, double tolerance)
    {
        double[] difference = [.. made.Select((value, i) => value - expected[i])];
        double error = Math.Sqrt(Dot(difference, difference) / Dot(expected, expected));
        Assert.True(error <= tolerance, $"relative error {error:g3}");
    }
}
