using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Model;
using Hadal.Tensors;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Model;

/// <summary>A weight of a type that its kernel does not read is converted or refused, never misread.</summary>
public sealed class WeightTypeTests
{
    private const string Bias = "e_score_correction_bias";
    private const string KeyNorm = "k_norm.weight";
    private const string KeyNormBias = "k_norm.bias";

    /// <summary>F32 and BF16 of the same values give the same bits.</summary>
    [Theory]
    [InlineData("random-v3", Bias)]
    [InlineData("random-a", Bias)]
    [InlineData("random-a", KeyNorm)]
    [InlineData("random-a", KeyNormBias)]
    [InlineData("random-a", "layernorm.weight")]
    [InlineData("random-a", "model.norm.weight")]
    public void Small_vectors_may_be_of_either_type(string model, string suffix)
    {
        using TemporaryFolder asF32 = Copy(model, suffix, TestCheckpointCopy.CutF32);
        using TemporaryFolder asBF16 = Copy(model, suffix, TestCheckpointCopy.BF16);
        Assert.Equal(Logits(asF32.Path), Logits(asBF16.Path));
    }

    /// <summary>Only sums are in another order: kernels take each type in their own way.</summary>
    [Theory]
    [InlineData("random-v3")]
    [InlineData("random-a")]
    public void All_that_is_BF16_may_be_F32(string model)
    {
        using TemporaryFolder widened = TestCheckpointCopy.Write(
            TestModels.Folder(model),
            tensor =>
                tensor.DType == DType.BF16
                    ? TestCheckpointCopy.CutF32(TestCheckpointCopy.Values(tensor))
                    : TestCheckpointCopy.Same(tensor)
        );
        double error = GoldenRun.Error(
            Logits(widened.Path, ActivationMode.Float32),
            Logits(TestModels.Folder(model), ActivationMode.Float32)
        );
        Assert.InRange(error, 0, 1e-3);
    }

    /// <summary>
    /// What is lost is the quantisation of activations alone; by as much the quantised model differs from the exact one.
    /// </summary>
    [Theory]
    [InlineData("random-v3", ".weight")]
    [InlineData("random-a", ".weight")]
    [InlineData("random-a", "_b_proj.weight")]
    [InlineData("random-a", "up_proj.weight")]
    [InlineData("random-a", "down_proj.weight")]
    public void Linears_may_be_dequantised_each_by_itself(string model, string suffix)
    {
        using TemporaryFolder dequantized = Dequantized(model, suffix);
        float[] expected = Logits(TestModels.Folder(model), ActivationMode.Float32);
        float[] made = Logits(dequantized.Path, ActivationMode.Float32);
        Assert.NotEqual(expected, made);
        Assert.InRange(GoldenRun.Error(made, expected), 0, 0.1);
        // Activations in bf16 round more.
        Assert.InRange(GoldenRun.Error(Logits(dequantized.Path), made), 1e-4, 0.05);
    }

    [Fact]
    public void Experts_of_several_types_are_refused_by_name()
    {
        using TemporaryFolder folder = Dequantized("random-v3", "experts.3.up_proj.weight");
        Assert.Contains(
            "experts.3.up_proj.weight BF16",
            Refusal(folder).Message,
            StringComparison.Ordinal
        );
    }

    /// <summary>The parts of linears, one after another, are the whole.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public unsafe void Shards_are_the_rows_of_the_whole(bool isDequantized)
    {
        using TemporaryFolder folder = isDequantized
            ? Dequantized("random-a", ".weight")
            : TemporaryFolder.CopyOf(TestModels.Folder("random-a"));
        using Device device = Device.Cpu(1);
        using var checkpoint = Checkpoint.Open(folder.Path);
        foreach (string name in (string[])["mlp.gate_proj", "self_attn.kv_b_proj"])
        {
            string linear = $"model.layers.0.{name}";
            TensorView whole = checkpoint[$"{linear}.weight"];
            var codes = new List<byte>();
            var scales = new List<float>();
            for (int i = 0; i < 3; i++)
            {
                var plan = new ModelPlan(
                    checkpoint.Config,
                    new ModelOptions(),
                    new Placement(device, new Shard(i, 3))
                );
                using var memory = new DeviceMemory(device);
                using var kernels = new Kernels(memory);
                var weights = new WeightLoader(checkpoint, plan, memory, kernels, null, default);
                Weight part = weights.Linear(linear, 128);
                long bytes = (long)part.Rows * part.Columns * whole.DType.Bits / 8;
                codes.AddRange(new ReadOnlySpan<byte>(part.Data, (int)bytes));
                if (part.IsFp8)
                    scales.AddRange(
                        new ReadOnlySpan<float>(part.Scales, part.Rows / 128 * part.Columns / 128)
                    );
                Assert.InRange(part.Rows, whole.Shape[0] / 3 - 128, whole.Shape[0] / 3 + 128);
            }
            Assert.Equal(whole.Bytes, codes.ToArray());
            if (!isDequantized)
                Assert.Equal(
                    checkpoint[$"{linear}.weight_scale_inv"].AsSpan<float>(),
                    scales.ToArray()
                );
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    [InlineData(-0.5f)]
    public void Scales_that_no_quantiser_makes_are_refused(float scale)
    {
        foreach (
            string linear in (string[])
                ["experts.7.down_proj", "kv_b_proj", "shared_experts.up_proj"]
        )
        {
            string name = $"{linear}.weight_scale_inv";
            using TemporaryFolder folder = WithLastScale(name, scale);
            CheckpointException error = Refusal(folder);
            Assert.Contains(name, error.Message, StringComparison.Ordinal);
            Assert.Contains(
                "must be finite and not negative",
                error.Message,
                StringComparison.Ordinal
            );
        }
    }

    [Fact]
    public void A_block_of_zeros_may_have_the_scale_zero()
    {
        using TemporaryFolder folder = WithLastScale("experts.7.down_proj.weight_scale_inv", 0);
        Assert.All(Logits(folder.Path), logit => Assert.True(float.IsFinite(logit)));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void A_bias_that_is_not_finite_is_refused(float value)
    {
        using TemporaryFolder folder = Copy(
            "random-v3",
            Bias,
            values => TestCheckpointCopy.CutF32([value, .. values[1..]])
        );
        Assert.Contains(
            $"model.layers.1.mlp.gate.{Bias}",
            Refusal(folder).Message,
            StringComparison.Ordinal
        );
    }

    /// <summary>The sum of a group's two best scores overflows; experts are chosen all the same.</summary>
    [Theory]
    [InlineData(ActivationMode.BFloat16)]
    [InlineData(ActivationMode.Float32)]
    public void A_bias_near_the_least_float_chooses_experts_all_the_same(ActivationMode activations)
    {
        using TemporaryFolder folder = Copy(
            "random-a",
            Bias,
            values => TestCheckpointCopy.CutF32([.. values.Select(static _ => -3e38f)])
        );
        Assert.All(Logits(folder.Path, activations), logit => Assert.True(float.IsFinite(logit)));
    }

    private static TemporaryFolder Copy(
        string model,
        string suffix,
        Func<float[], (DType, byte[])> change
    ) =>
        TestCheckpointCopy.Write(
            TestModels.Folder(model),
            tensor =>
                tensor.Name.EndsWith(suffix, StringComparison.Ordinal)
                    ? change(TestCheckpointCopy.Values(tensor))
                    : TestCheckpointCopy.Same(tensor)
        );

    /// <summary>With linears of such names in BF16: code · scale, rounded.</summary>
    private static TemporaryFolder Dequantized(string model, string suffix)
    {
        using var checkpoint = Checkpoint.Open(TestModels.Folder(model));
        return TestCheckpointCopy.Write(
            TestModels.Folder(model),
            tensor =>
            {
                if (
                    tensor.DType != DType.F8E4M3
                    || !tensor.Name.EndsWith(suffix, StringComparison.Ordinal)
                )
                    return TestCheckpointCopy.Same(tensor);
                long columns = tensor.Shape[1];
                float[] scales = checkpoint[$"{tensor.Name}_scale_inv"].AsSpan<float>().ToArray();
                float[] values =
                [
                    .. tensor
                        .Bytes.ToArray()
                        .Select(
                            (code, i) =>
                                (float)E4M3.Decode(code)
                                * scales[
                                    i / columns / 128 * ((columns + 127) / 128) + i % columns / 128
                                ]
                        ),
                ];
                return TestCheckpointCopy.BF16(values);
            }
        );
    }

    private static TemporaryFolder WithLastScale(string suffix, float scale) =>
        Copy(
            "random-v3",
            suffix,
            values =>
            {
                values[^1] = scale;
                return (DType.F32, [.. values.SelectMany(BitConverter.GetBytes)]);
            }
        );

    private static CheckpointException Refusal(TemporaryFolder folder)
    {
        using Device device = Device.Cpu(1);
        return Assert.Throws<CheckpointException>(() => DeepSeekModel.Load(folder.Path, device));
    }

    private static float[] Logits(
        string folder,
        ActivationMode activations = ActivationMode.BFloat16
    )
    {
        using Device device = Device.Cpu(2);
        using DeepSeekModel model = DeepSeekModel.Load(
            folder,
            device,
            new ModelOptions { Activations = activations }
        );
        using PagedCache cache = model.CreateCache(128);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        return GoldenRun.Feed(model, batch, sequence, [.. Enumerable.Range(3, 100)]);
    }
}
