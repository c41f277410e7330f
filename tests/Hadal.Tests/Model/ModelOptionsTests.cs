using Hadal.Caching;
using Hadal.Model;

namespace Hadal.Tests.Model;

public sealed class ModelOptionsTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    [InlineData((1 << 20) + 1)]
    [InlineData(int.MaxValue)]
    public void Bad_sizes_of_a_step_are_named(int size)
    {
        Refused("MaxStepTokens", () => new ModelOptions { MaxStepTokens = size });
        Refused("MaxSequences", () => new ModelOptions { MaxSequences = size });
        Refused("MaxLogitRows", () => new ModelOptions { MaxLogitRows = size });
        if (size < 1)
        {
            Refused("MaxContextTokens", () => new ModelOptions { MaxContextTokens = size });
            Refused("IndexTopK", () => new ModelOptions { IndexTopK = size });
        }

        static void Refused(string name, Func<ModelOptions> make) =>
            Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(make).ParamName);
    }

    [Fact]
    public void Sizes_that_the_config_does_not_allow_are_named()
    {
        Refused("MaxContextTokens", new ModelOptions { MaxContextTokens = int.MaxValue });
        // 2^20 rows of a vocabulary of 2048 are more than one array holds.
        const int Most = 1 << 20;
        Refused(
            "MaxLogitRows",
            new ModelOptions
            {
                MaxStepTokens = Most,
                MaxSequences = Most,
                MaxLogitRows = Most,
            }
        );

        static void Refused(string name, ModelOptions options) =>
            Assert.Contains(
                name,
                Assert
                    .Throws<ArgumentOutOfRangeException>(() =>
                        TestModels.Load("kjv-shakespeare", options)
                    )
                    .Message,
                StringComparison.Ordinal
            );
    }

    [Fact]
    public void Largest_step_is_counted_without_overflow()
    {
        const int Most = 1 << 20;
        var options = new ModelOptions
        {
            MaxStepTokens = Most,
            MaxSequences = Most,
            MaxLogitRows = Most,
        };
        var layout = new StepLayout(options, int.MaxValue, int.MaxValue);
        Assert.Equal(2 * Most + 1, layout.MostRuns);
        // Five numbers a token, a row of logits, and pages and slots of each sequence.
        Assert.Equal(6L * Most + Most * ((1L << 25) + int.MaxValue), layout.Length);
    }

    [Fact]
    public void More_tokens_than_the_context_make_attention_dense()
    {
        Assert.Equal(Logits(4096), Logits(int.MaxValue / 64 * 64));

        static float[] Logits(int kept)
        {
            using DeepSeekModel model = TestModels.Load(
                "kjv-shakespeare",
                new ModelOptions { IndexTopK = kept }
            );
            using PagedCache cache = model.CreateCache(256);
            using CachedSequence sequence = cache.CreateSequence();
            using StepBatch batch = model.CreateBatch(cache);
            return GoldenRun.Feed(model, batch, sequence, [.. Enumerable.Range(1, 200)]);
        }
    }

    [Fact]
    public void Bad_sizes_of_a_cache_are_named()
    {
        using DeepSeekModel model = TestModels.Load("kjv-shakespeare");
        foreach (int tokens in (int[])[0, -1, int.MinValue, int.MaxValue])
            Assert.Equal(
                "tokens",
                Assert
                    .Throws<ArgumentOutOfRangeException>(() => model.CreateCache(tokens))
                    .ParamName
            );
    }
}
