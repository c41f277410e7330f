using Hadal.Checkpoints;

namespace Hadal.Tests.Model.Reference;

/// <summary>The double-precision reference against what DeepSeek's own code computed in f32.</summary>
public sealed class ReferenceModelTests
{
    // The tolerances of tests/goldens/README.md: f32 and double precision differ by a flipped FP8 code now and then.
    [Theory]
    [InlineData("random-a", 1)]
    [InlineData("random-v3", 1)]
    public void It_agrees_with_the_goldens(string model, int prompt)
    {
        using var golden = new Golden(model, prompt);
        using var checkpoint = Checkpoint.Open(Path.Combine(Paths.Goldens, model, "checkpoint"));
        int steps = golden.Tokens.Length;
        double[][] logits = new ReferenceModel(checkpoint).Logits([
            .. golden.Ids,
            .. golden.Tokens[..(steps - 1)],
        ]);
        double[] errors =
        [
            .. Enumerable
                .Range(0, steps)
                .Select(step =>
                    Distance(logits[golden.Ids.Length - 1 + step], golden.Logits("f32", step))
                ),
        ];
        Assert.True(errors.Average() <= 0.008, $"mean {errors.Average():g3}");
        Assert.True(errors.Max() <= 0.03, $"largest {errors.Max():g3}");
        Assert.True(errors.Min() <= 1e-5, $"least {errors.Min():g3}");
    }

    private static double Distance(double[] actual, ReadOnlySpan<float> expected)
    {
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
            norm += (double)expected[i] * expected[i];
        }
        return Math.Sqrt(difference / norm);
    }
}
