using Hadal.Bindings;
using Hadal.Caching;

namespace Hadal.Tests.Caching;

internal static class FakeCaches
{
    private static readonly Device Cpu = Device.Cpu(threads: 1);

    /// <summary>A cache of no model: two layers.</summary>
    public static PagedCache Create(
        int pages,
        PageHash? hash = null,
        int maxTokens = 1024,
        CacheIdentity? identity = null
    ) =>
        new(
            Cpu,
            new CacheLayout(hd_mla_format.HD_MLA_FP8, [true, true]),
            pages,
            maxTokens,
            () => identity ?? new CacheIdentity([]),
            hash
        );

    /// <summary>A sequence of tokens that are computed and published, with the default key.</summary>
    public static FakeSequence Publish(PagedCache cache, int[] tokens)
    {
        var sequence = new FakeSequence(cache, default);
        Assert.True(sequence.Grow(tokens));
        sequence.Publish();
        return sequence;
    }

    public static (int Free, int Cached, int Referenced) Pages(PagedCache cache)
    {
        CacheStatistics made = cache.Statistics;
        return (made.FreePages, made.CachedPages, made.ReferencedPages);
    }

    public static int[] Count(int start, int length) => [.. Enumerable.Range(start, length)];
}
