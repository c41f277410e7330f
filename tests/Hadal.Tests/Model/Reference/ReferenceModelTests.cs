using Hadal.Checkpoints;

namespace Hadal.Tests.Model.Reference;

/// <summary>The double-precision reference against what DeepSeek's own code computed in f32 and in BF16.</summary>
public sealed class ReferenceModelTests(ITestOutputHelper output)
{
    // The tolerances of tests/goldens/README.md: f32 and double precision differ by a flipped FP8 code now and then.
    [Theory]
    [InlineData("random-a", 1)]
    [InlineData("random-a", 65)]
    [InlineData("random-v3", 65)]
    public void It_agrees_with_the_goldens(string model, int prompt)
    {
        using var golden = new Golden(model, prompt);
        double[] errors = Errors(golden, model, ReferenceRun.Exact);
        Assert.True(errors.Average() <= 0.008, $"mean {errors.Average():g3}");
        Assert.True(errors.Max() <= 0.03, $"largest {errors.Max():g3}");
        Assert.True(errors.Min() <= 1e-5, $"least {errors.Min():g3}");
    }

    // A run that rounded more would make too wide a bound of what is held to it.
    [Theory]
    [InlineData("random-a", new[] { 1, 63, 65, 200 })]
    [InlineData("random-v3", new[] { 1, 65 })]
    public void Its_rounded_run_is_as_far_off_as_that_of_the_goldens(string model, int[] prompts)
    {
        List<double> errors = [];
        List<double> expected = [];
        foreach (int prompt in prompts)
        {
            using var golden = new Golden(model, prompt);
            errors.AddRange(Errors(golden, model, new ReferenceRun { RoundsActivations = true }));
            for (int step = 0; step < golden.Tokens.Length; step++)
                expected.Add(
                    GoldenRun.Error(golden.Logits("bf16", step), golden.Logits("f32", step))
                );
        }
        double median = GoldenRun.Median(errors) / GoldenRun.Median(expected);
        double mean = errors.Average() / expected.Average();
        output.WriteLine($"median {median:g3}, mean {mean:g3} times the goldens'");
        Assert.InRange(median, 0.8, 1.25);
        Assert.InRange(mean, 0.6, 1.75);
    }

    /// <returns>By step, ‖logits − logits_f32‖ / ‖logits_f32‖.</returns>
    private static double[] Errors(Golden golden, string model, ReferenceRun run)
    {
        using var checkpoint = Checkpoint.Open(Path.Combine(Paths.Goldens, model, "checkpoint"));
        int steps = golden.Tokens.Length;
        double[][] logits = new ReferenceModel(checkpoint, run).Logits([
            .. golden.Ids,
            .. golden.Tokens[..(steps - 1)],
        ]);
        var errors = new double[steps];
        for (int step = 0; step < steps; step++)
            errors[step] = GoldenRun.Error(
                Array.ConvertAll(logits[golden.Ids.Length - 1 + step], static x => (float)x),
                golden.Logits("f32", step)
            );
        return errors;
    }
}
