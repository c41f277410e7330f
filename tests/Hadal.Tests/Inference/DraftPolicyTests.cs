using Hadal.Inference;

namespace Hadal.Tests.Inference;

/// <summary>How many tokens are guessed ahead as it pays, by steps of made-up times.</summary>
public sealed class DraftPolicyTests(ITestOutputHelper output)
{
    private const int Steps = 20_000;

    /// <param name="texts">Texts being written.</param>
    /// <param name="perRow">What a row adds to a step that takes 1.</param>
    /// <param name="predictor">What the predictor takes.</param>
    /// <param name="right">How often a guess is right.</param>
    [Theory]
    [InlineData(1, 0.02, 0.02, 0.9)] // A large model with a card's time for memory: guess all.
    [InlineData(1, 0.02, 0.02, 0.3)]
    [InlineData(1, 0.3, 0.02, 0.9)]
    [InlineData(1, 1, 0.25, 0.9)] // A small one on few cores: each row has its price.
    [InlineData(1, 0.5, 0.25, 0.05)]
    [InlineData(1, 1, 0.02, 0.3)]
    [InlineData(16, 0.2, 0.02, 0.6)]
    [InlineData(16, 0.01, 0.05, 0.95)]
    public void The_number_that_pays_is_found_and_others_cost_little(
        int texts,
        double perRow,
        double predictor,
        double right
    )
    {
        double[] rates =
        [
            .. Enumerable.Range(0, 4).Select(k => Rate(k, texts, perRow, predictor, right)),
        ];
        double chosen = Rate(null, texts, perRow, predictor, right);
        output.WriteLine(
            $"fixed {string.Join(", ", rates.Select(rate => $"{rate:f3}"))}; as it pays {chosen:f3}"
        );
        Assert.InRange(chosen / rates[0], 0.97, 100);
        Assert.InRange(chosen / rates.Max(), 0.93, 1.01);
    }

    /// <summary>As another text begins, of which more can be guessed.</summary>
    [Fact]
    public void What_changes_is_noticed()
    {
        var policy = new DraftPolicy(null, 64);
        double before = Run(policy, 1, 0.1, 0.1, 0.05, Steps, new SplitMix64(1));
        double after = Run(policy, 1, 0.1, 0.1, 0.95, Steps, new SplitMix64(2));
        Assert.InRange(before, 0.97 / 1.1, 1.1);
        Assert.InRange(after, 1.7, 4);
    }

    [Fact]
    public void A_fixed_number_is_kept_and_none_leaves_the_predictor_out()
    {
        Assert.False(new DraftPolicy(0, 64).IsOn);
        Assert.Equal(0, new DraftPolicy(0, 64).Choose(3));
        var two = new DraftPolicy(2, 64);
        for (int i = 0; i < 1000; i++)
        {
            two.AddStep(1, 3, 1, 100, 100, 100, 1);
            two.AddGuesses(2, 0);
        }
        Assert.True(two.IsOn);
        Assert.Equal(2, two.Choose(3));
    }

    /// <summary>Tokens in the time of a step of one row.</summary>
    private static double Rate(
        int? drafts,
        int texts,
        double perRow,
        double predictor,
        double right
    ) =>
        Run(new DraftPolicy(drafts, 64), texts, perRow, predictor, right, Steps, new SplitMix64(1));

    private static double Run(
        DraftPolicy policy,
        int texts,
        double perRow,
        double predictor,
        double right,
        int steps,
        SplitMix64 random
    )
    {
        double time = 0;
        long all = 0;
        int guesses = 0;
        for (int step = 0; step < steps; step++)
        {
            int tokens = texts;
            for (int text = 0; text < texts && guesses > 0; text++)
            {
                int hits = 0;
                while (hits < guesses && random.NextUnit() < right)
                    hits++;
                tokens += hits;
                policy.AddGuesses(guesses, hits);
            }
            int rows = texts * (1 + guesses);
            // Machines are not steady.
            double forward = (1 + perRow * (rows - 1)) * (0.9 + 0.2 * random.NextUnit());
            bool isOn = policy.IsOn;
            guesses = policy.Choose(texts);
            double first = isOn ? predictor : 0;
            int passes = Math.Max(0, guesses - 1);
            double next = passes * predictor;
            policy.AddStep(texts, rows, tokens, forward, first, next, passes);
            time += forward + first + next;
            all += tokens;
        }
        return all / time;
    }
}
