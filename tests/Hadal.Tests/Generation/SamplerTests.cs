using Hadal.Generation;

namespace Hadal.Tests.Generation;

public sealed class SamplerTests
{
    public static TheoryData<SamplingOptions> Filters { get; } =
    [
        new SamplingOptions { Temperature = 1 },
        new SamplingOptions { Temperature = 0.6f },
        new SamplingOptions { Temperature = 1.7f, TopK = 1 },
        new SamplingOptions { Temperature = 1, TopK = 17 },
        new SamplingOptions { Temperature = 0.8f, TopP = 0.3f },
        new SamplingOptions { Temperature = 2, TopP = 0.95f },
        new SamplingOptions { Temperature = 1, TopP = 0.999f },
        new SamplingOptions { Temperature = 1, MinP = 0.05f },
        new SamplingOptions { Temperature = 3, MinP = 0.4f },
        new SamplingOptions { Temperature = 1, RepetitionPenalty = 1.3f },
        new SamplingOptions
        {
            Temperature = 1,
            RepetitionPenalty = 0.7f,
            TopK = 30,
        },
        new SamplingOptions
        {
            Temperature = 1.5f,
            TopK = 40,
            TopP = 0.9f,
            MinP = 0.01f,
            RepetitionPenalty = 1.1f,
        },
    ];

    [Theory]
    [MemberData(nameof(Filters))]
    public void What_is_kept_and_how_it_weighs_equals_the_definitions(SamplingOptions options)
    {
        foreach (int vocabulary in (int[])[1, 2, 50, 700, 5000])
        {
            var random = new Random(vocabulary);
            float[] logits = Logits(random, vocabulary, spread: 4);
            HashSet<int> seen =
            [
                .. Enumerable.Range(0, vocabulary).Where(_ => random.Next(3) == 0),
            ];
            double[] expected = NaiveSampling.Probabilities(logits, options, seen);

            var sampler = new Sampler(options, vocabulary);
            sampler.Observe([.. seen]);
            float[] penalised =
            [
                .. logits.Select(
                    (l, id) =>
                        !seen.Contains(id) ? l
                        : l > 0 ? l / options.RepetitionPenalty
                        : l * options.RepetitionPenalty
                ),
            ];
            var kept = new SortedDictionary<int, double>();
            foreach (ulong key in sampler.Keep(penalised, penalised.Max()))
                kept.Add(
                    LogitKey.Id(key),
                    Math.Exp(((double)LogitKey.Logit(key) - penalised.Max()) / options.Temperature)
                );
            Assert.Equal(Enumerable.Range(0, vocabulary).Where(id => expected[id] > 0), kept.Keys);
            double total = kept.Values.Sum();
            foreach ((int id, double weight) in kept)
                Assert.Equal(expected[id], weight / total, 1e-12);
        }
    }

    [Theory]
    [MemberData(nameof(Filters))]
    public void Draws_follow_the_distribution(SamplingOptions options)
    {
        const int draws = 100_000;
        float[] logits = Logits(new Random(9), 60, spread: 1.5f);
        int[] seen = [3, 5, 8, 13, 21, 34, 55];
        double[] expected = NaiveSampling.Probabilities(logits, options, seen.ToHashSet());
        var counts = new int[logits.Length];
        var seeds = new SplitMix64(77);
        // A sampler that has seen its own tokens penalises them: then each draw needs one of its own.
        bool fresh = options.RepetitionPenalty != 1;
        var sampler = new Sampler(options with { Seed = seeds.Next() }, logits.Length);
        for (int i = 0; i < draws; i++)
        {
            if (fresh)
            {
                sampler = new Sampler(options with { Seed = seeds.Next() }, logits.Length);
                sampler.Observe(seen);
            }
            counts[sampler.Sample(logits)]++;
        }
        if (!fresh)
            expected = NaiveSampling.Probabilities(logits, options, new HashSet<int>());
        double chiSquare = 0;
        int cells = 0;
        for (int id = 0; id < logits.Length; id++)
        {
            if (expected[id] == 0)
            {
                Assert.Equal(0, counts[id]);
                continue;
            }
            double wanted = draws * expected[id];
            chiSquare += (counts[id] - wanted) * (counts[id] - wanted) / wanted;
            cells++;
        }
        // Mean k, deviation √(2k); the 0.9999 quantile is below k + 4·√(2k) + 8 for every k.
        double k = cells - 1;
        Assert.True(chiSquare <= k + 4 * Math.Sqrt(2 * k) + 8, $"χ² {chiSquare} over {k} degrees");
    }

    [Fact]
    public void Greedy_takes_the_greatest_and_of_equals_the_lowest_id()
    {
        foreach (int size in (int[])[1, 7, 8, 9, 33, 129280])
        {
            for (int at = 0; at < size; at += Math.Max(1, size / 11))
            {
                float[] logits = Logits(new Random(size), size, spread: 1);
                logits[at] = logits[size - 1] = 100;
                Assert.Equal(at, new Sampler(new(), size).Sample(logits));
            }
        }
        Assert.Equal(0, new Sampler(new(), 2).Sample([-0f, 0f]));
        Assert.Equal(1, new Sampler(new(), 3).Sample([float.NegativeInfinity, -5, -5]));
    }

    [Fact]
    public void Equal_logits_at_the_cut_of_top_k_keep_the_lowest_ids()
    {
        var sampler = new Sampler(new() { Temperature = 1, TopK = 3 }, 6);
        int[] ids = [.. sampler.Keep([1, 2, 1, 1, 2, 1], 2).ToArray().Select(LogitKey.Id).Order()];
        Assert.Equal([0, 1, 4], ids);
    }

    [Fact]
    public void A_penalty_holds_for_the_prompt_and_for_what_was_drawn()
    {
        var sampler = new Sampler(new() { RepetitionPenalty = 2 }, 4);
        sampler.Observe([0]);
        float[] logits = [10, 6, 5.5f, -1];
        Assert.Equal(1, sampler.Sample(logits)); // 5, 6, 5.5, -1
        Assert.Equal(2, sampler.Sample(logits)); // 5, 3, 5.5, -1
        Assert.Equal(0, sampler.Sample(logits)); // 5, 3, 2.75, -1
        Assert.Equal(3, new Sampler(new() { RepetitionPenalty = 1 }, 4).Sample([-2, -3, -4, -1]));
        var negative = new Sampler(new() { RepetitionPenalty = 2 }, 2);
        negative.Observe([1]);
        Assert.Equal(0, negative.Sample([-1.5f, -1])); // -1.5, -2
    }

    [Fact]
    public void Frequency_and_presence_count_what_was_drawn_and_not_the_prompt()
    {
        float[] logits = [3, 2.75f, 2.5f];
        var frequency = new Sampler(new() { FrequencyPenalty = 0.5f }, 3);
        frequency.Observe([0, 0, 0]);
        Assert.Equal(0, frequency.Sample(logits)); // 3, 2.75, 2.5
        Assert.Equal(1, frequency.Sample(logits)); // 2.5, 2.75, 2.5
        Assert.Equal(0, frequency.Sample(logits)); // 2.5, 2.25, 2.5
        Assert.Equal(2, frequency.Sample(logits)); // 2, 2.25, 2.5
        Assert.Equal(1, frequency.Sample(logits)); // 2, 2.25, 2
        var presence = new Sampler(new() { PresencePenalty = 0.5f }, 3);
        Assert.Equal(0, presence.Sample(logits));
        Assert.Equal(1, presence.Sample(logits)); // 2.5, 2.75, 2.5
        Assert.Equal(0, presence.Sample(logits)); // 2.5, 2.25, 2.5
        Assert.Equal(0, presence.Sample(logits)); // once taken
    }

    [Fact]
    public void Bias_comes_before_the_penalties_and_rules_nothing_in()
    {
        var bias = new Dictionary<int, float> { [2] = 4, [3] = 100 };
        var sampler = new Sampler(new() { RepetitionPenalty = 2, LogitBias = bias }, 4);
        float[] logits = [2.5f, 2, 1, float.NegativeInfinity];
        Assert.Equal(2, sampler.Sample(logits)); // 2.5, 2, 5
        // (1 + 4) ÷ 2, not 1 ÷ 2 + 4: 2.5 of both, and the lowest id.
        Assert.Equal(0, sampler.Sample(logits));
        Assert.Equal(2, sampler.Sample(logits)); // 1.25, 2, 2.5
    }

    [Fact]
    public void What_is_ruled_out_is_not_drawn()
    {
        var sampler = new Sampler(new(), 3);
        Assert.Equal(1, sampler.Sample([3, 2, 1], [0, 7], []));
        Assert.Equal(0, sampler.Sample([3, 2, 1]));
        Assert.Throws<SamplingException>(() => sampler.Sample([3, 2, 1], [0, 1, 2], []));
    }

    /// <summary>A token that is not allowed is as one whose logit is −∞ from the beginning.</summary>
    [Theory]
    [MemberData(nameof(Filters))]
    public void What_a_mask_does_not_allow_is_not_drawn(SamplingOptions options)
    {
        SamplingOptions[] all =
        [
            options with
            {
                Seed = 3,
            },
            options with
            {
                Seed = 4,
                LogitBias = new Dictionary<int, float> { [0] = 100, [1] = -3 },
                FrequencyPenalty = 0.5f,
            },
        ];
        foreach (int vocabulary in (int[])[2, 63, 64, 65, 200, 5000])
        {
            var random = new Random(vocabulary);
            foreach (SamplingOptions each in all)
            {
                var masked = new Sampler(each, vocabulary);
                var expected = new Sampler(each, vocabulary);
                for (int i = 0; i < 20; i++)
                {
                    float[] logits = Logits(random, vocabulary, spread: 2);
                    ulong[] mask = Mask(random, vocabulary);
                    float[] allowed =
                    [
                        .. logits.Select(
                            (logit, id) => Has(mask, id) ? logit : float.NegativeInfinity
                        ),
                    ];
                    Assert.Equal(expected.Sample(allowed), masked.Sample(logits, [], mask));
                }
            }
        }

        // Words of all kinds, and often too few; the first or the second token is allowed.
        static ulong[] Mask(Random random, int vocabulary)
        {
            ulong[] words = new ulong[random.Next(1, (vocabulary + 63) / 64 + 1)];
            for (int i = 0; i < words.Length; i++)
                words[i] = random.Next(3) switch
                {
                    0 => 0,
                    1 => ulong.MaxValue,
                    _ => (ulong)random.NextInt64(),
                };
            words[0] |= 1UL << random.Next(2);
            return words;
        }

        static bool Has(ulong[] mask, int id) =>
            id / 64 < mask.Length && (mask[id / 64] >> (id % 64) & 1) == 1;
    }

    [Fact]
    public void A_mask_that_allows_nothing_is_refused()
    {
        var sampler = new Sampler(new(), 70);
        float[] logits = new float[70];
        Assert.Equal(69, sampler.Sample(logits, [], [0, 1 << 5]));
        // The bits beyond the vocabulary are no tokens.
        foreach (
            ulong[] mask in (ulong[][])
                [
                    [0],
                    [0, 1UL << 6],
                    [0, 1UL << 63],
                ]
        )
            Assert.Throws<SamplingException>(() => sampler.Sample(logits, [], mask));
        // A logit that is not usable is found whether it is allowed or not.
        logits[3] = float.NaN;
        Assert.Throws<SamplingException>(() => sampler.Sample(logits, [], [1]));
    }

    [Fact]
    public void A_seed_repeats_its_draws_and_others_differ()
    {
        float[] logits = Logits(new Random(4), 1000, spread: 1);
        var options = new SamplingOptions
        {
            Temperature = 1,
            TopP = 0.9f,
            Seed = 42,
        };
        int[] first = Draws(options);
        Assert.Equal(first, Draws(options));
        Assert.NotEqual(first, Draws(options with { Seed = 43 }));
        var chance = new Sampler(options with { Seed = null }, 1000);
        Assert.Equal(
            Enumerable.Range(0, 50).Select(_ => chance.Sample(logits)).ToArray(),
            Draws(options with { Seed = chance.Seed })
        );

        int[] Draws(SamplingOptions with)
        {
            var sampler = new Sampler(with, 1000);
            return [.. Enumerable.Range(0, 50).Select(_ => sampler.Sample(logits))];
        }
    }

    [Fact]
    public void Logits_that_allow_no_draw_are_named()
    {
        foreach (float temperature in (float[])[0, 1])
        {
            foreach (int size in (int[])[3, 40])
            {
                var sampler = new Sampler(new() { Temperature = temperature }, size);
                var logits = new float[size];
                logits[^1] = float.NaN;
                Expect(sampler, logits, $"token {size - 1} is NaN");
                logits[1] = float.NaN;
                Expect(sampler, logits, "token 1 is NaN");
                logits.AsSpan().Clear();
                logits[2] = float.PositiveInfinity;
                Expect(sampler, logits, "token 2 is +Infinity");
                logits.AsSpan().Fill(float.NegativeInfinity);
                Expect(sampler, logits, $"All {size} logits");
                logits[2] = -3;
                Assert.Equal(2, sampler.Sample(logits));
            }
        }

        static void Expect(Sampler sampler, float[] logits, string named) =>
            Assert.Contains(
                named,
                Assert.Throws<SamplingException>(() => sampler.Sample(logits)).Message,
                StringComparison.Ordinal
            );
    }

    [Fact]
    public void A_wrong_size_or_token_is_refused()
    {
        var sampler = new Sampler(new(), 4);
        Assert.Contains(
            "3 logits",
            Assert.Throws<ArgumentException>(() => sampler.Sample(new float[3])).Message,
            StringComparison.Ordinal
        );
        Assert.Throws<ArgumentOutOfRangeException>(() => sampler.Observe([4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => sampler.Observe([-1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new(), 0));
    }

    [Fact]
    public void Extreme_options_and_logits_still_draw()
    {
        float[] logits = [float.MaxValue, float.MinValue, 0, float.NegativeInfinity];
        foreach (float temperature in (float[])[float.Epsilon, 1, float.MaxValue])
        {
            var sampler = new Sampler(
                new()
                {
                    Temperature = temperature,
                    TopP = float.Epsilon,
                    RepetitionPenalty = 1e-30f,
                },
                4
            );
            for (int i = 0; i < 10; i++)
                Assert.Equal(0, sampler.Sample(logits));
        }
    }

    [Fact]
    public void Sampling_allocates_nothing()
    {
        float[] logits = Logits(new Random(6), 20000, spread: 3);
        ulong[] mask = [1, ulong.MaxValue];
        foreach (
            SamplingOptions options in Filters.Select(row => row.Data).Append(new SamplingOptions())
        )
        {
            var sampler = new Sampler(options, logits.Length);
            sampler.Sample(logits, [], mask);
            Action round = () =>
            {
                for (int i = 0; i < 20; i++)
                {
                    sampler.Sample(logits);
                    sampler.Sample(logits, [], mask);
                }
            };
            Assert.Equal(0, Allocations.Of(round));
        }
    }

    [Theory]
    [InlineData(nameof(SamplingOptions.Temperature))]
    [InlineData(nameof(SamplingOptions.TopK))]
    [InlineData(nameof(SamplingOptions.TopP))]
    [InlineData(nameof(SamplingOptions.MinP))]
    [InlineData(nameof(SamplingOptions.RepetitionPenalty))]
    public void Bad_options_are_named(string name)
    {
        Func<float, SamplingOptions> make = name switch
        {
            nameof(SamplingOptions.Temperature) => v => new() { Temperature = v },
            nameof(SamplingOptions.TopK) => v => new() { TopK = (int)v },
            nameof(SamplingOptions.TopP) => v => new() { TopP = v },
            nameof(SamplingOptions.MinP) => v => new() { MinP = v },
            _ => v => new() { RepetitionPenalty = v },
        };
        float[] bad =
            name == nameof(SamplingOptions.TopK) ? [-1] : [-1, float.NaN, float.PositiveInfinity];
        foreach (float value in bad)
            Assert.Equal(
                name,
                Assert.Throws<ArgumentOutOfRangeException>(() => make(value)).ParamName
            );
    }

    /// <summary>Roughly normal logits, some of them equal and some −∞.</summary>
    private static float[] Logits(Random random, int count, float spread)
    {
        var logits = new float[count];
        foreach (ref float logit in logits.AsSpan())
            logit = MathF.Round(
                spread
                    * (float)(random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5)
                    * 2,
                2
            );
        for (int i = 3; i < count; i += 29)
            logits[i] = float.NegativeInfinity;
        return logits;
    }
}
