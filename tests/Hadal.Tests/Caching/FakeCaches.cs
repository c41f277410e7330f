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
}
