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
