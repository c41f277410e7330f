using System.Collections.Immutable;
using Hadal.Bindings;
using Hadal.Tensors;

namespace Hadal.Caching;

/// <summary>What the caches of a model's layers hold.</summary>
/// <param name="Format">How a token's latent and rotary part are stored.</param>
/// <param name="HasIndex">Of each layer that has a cache: whether it holds index keys too.</param>
internal sealed record CacheLayout(hd_mla_format Format, ImmutableArray<bool> HasIndex)
{
    public const int IndexPageBytes =
        NativeMethods.HD_PAGE_TOKENS * NativeMethods.HD_INDEX_TOKEN_BYTES;

    /// <summary>Layers that have a cache.</summary>
    public int Layers => HasIndex.Length;

    /// <summary>Bytes of a page in all layers.</summary>
    public long PageBytes =>
        (long)Layers * MlaPageBytes + HasIndex.Count(static has => has) * (long)IndexPageBytes;

    public int MlaPageBytes => NativeMethods.HD_PAGE_TOKENS * MlaPages.TokenBytes(Format);
}
