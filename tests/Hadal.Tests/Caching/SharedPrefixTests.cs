using Hadal.Caching;
using Hadal.Model;
using Hadal.Tests.Model;

namespace Hadal.Tests.Caching;

/// <summary>A model's logits are bitwise the same whether a prefix was computed or came from the cache.</summary>
public sealed class SharedPrefixTests
{
    private static readonly PrefixKey Key = new("");

    [Theory]
    [InlineData("kjv-shakespeare", ActivationMode.BFloat16)]
    [InlineData("kjv-shakespeare", ActivationMode.Float32)]
    [InlineData("random-v3", ActivationMode.BFloat16)]
    public void Cached_prefix_has_the_bits_of_a_computed_one(string name, ActivationMode mode)
    {
        using DeepSeekModel model = TestModels.Load(
            name,
            new ModelOptions { Activations = mode, MaxLogitRows = 64 }
        );
        using PagedCache cache = model.CreateCache(640);
        using StepBatch batch = model.CreateBatch(cache);
        int[] prompt = [.. Enumerable.Range(100, 192)];
        using CachedSequence computed = cache.CreateSequence();
        float[] expected = GoldenRun.Feed(model, batch, computed, prompt);
        float[] next = GoldenRun.Feed(model, batch, computed, [7]);
        cache.Prefixes.Publish(computed, [.. prompt, 7], Key);

        // A prompt of 64 n tokens again: all but the last page.
        using CachedSequence cached = cache.CreateSequence();
        Assert.Equal(128, cache.Prefixes.Attach(cached, prompt, Key));
        Assert.Equal(expected, GoldenRun.Feed(model, batch, cached, prompt.AsSpan(128)));
        Assert.Equal(next, GoldenRun.Feed(model, batch, cached, [7]));

        // Another continuation from within a shared page changes nothing of those who share it.
        using CachedSequence other = cache.CreateSequence();
        Assert.Equal(192, cache.Prefixes.Attach(other, [.. prompt, 7], Key));
        other.Truncate(150);
        GoldenRun.Feed(model, batch, other, new int[50]);
        other.Truncate(150);
        Assert.Equal(expected, GoldenRun.Feed(model, batch, other, prompt.AsSpan(150)));
        computed.Truncate(192);
        Assert.Equal(next, GoldenRun.Feed(model, batch, computed, [7]));
    }

    [Fact]
    public void Predictor_drafts_from_a_cached_prefix_as_from_a_computed_one()
    {
        using DeepSeekModel model = TestModels.Load(
            "kjv-shakespeare",
            new ModelOptions { LoadPredictor = true }
        );
        using PagedCache cache = model.CreateCache(640);
        using StepBatch batch = model.CreateBatch(cache);
        int[] prompt = [.. Enumerable.Range(100, 150)];
        using CachedSequence computed = cache.CreateSequence();
        float[] expected = Draft(computed);
        cache.Prefixes.Publish(computed, prompt, Key);
        using CachedSequence cached = cache.CreateSequence();
        Assert.Equal(128, cache.Prefixes.Attach(cached, prompt, Key));
        Assert.Equal(expected, Draft(cached));

        float[] Draft(CachedSequence sequence)
        {
            int[] next = [.. prompt[(sequence.Length + 1)..], 7];
            GoldenRun.Feed(model, batch, sequence, prompt.AsSpan(sequence.Length));
            return model.Draft(batch, next, TestContext.Current.CancellationToken)[0].ToArray();
        }
    }

    [Fact]
    public void Step_takes_the_pages_of_cached_prefixes()
    {
        using DeepSeekModel model = TestModels.Load("kjv-shakespeare");
        using PagedCache cache = model.CreateCache(256);
        using StepBatch batch = model.CreateBatch(cache);
        int[] prompt = [.. Enumerable.Range(100, 192)];
        using (CachedSequence sequence = cache.CreateSequence())
        {
            GoldenRun.Feed(model, batch, sequence, prompt);
            cache.Prefixes.Publish(sequence, prompt, Key);
        }
        Assert.Equal((1, 4), (cache.FreePages, cache.AvailablePages));
        using CachedSequence other = cache.CreateSequence();
        batch.Clear();
        batch.Add(other, new int[257], RowKind.Prefill);
        CacheFullException full = Assert.Throws<CacheFullException>(() =>
            model.Forward(batch, TestContext.Current.CancellationToken)
        );
        Assert.Equal((5, 4, 4), (full.NeededPages, full.AvailablePages, full.PageCount));
        Assert.Equal((1, 4), (cache.FreePages, cache.AvailablePages));
        GoldenRun.Feed(model, batch, other, prompt);
        Assert.Equal((0, 1), (cache.FreePages, cache.AvailablePages));
        Assert.Equal(2, cache.Statistics.Evictions);
    }
}
