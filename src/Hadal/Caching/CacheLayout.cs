using Hadal.Bindings;
using Hadal.Tensors;

namespace Hadal.Caching;

/// <summary>What the caches of a model's layers hold.</summary>
/// <param name="Layers">Layers that have a cache.</param>
/// <param name="Format">How a token's latent and rotary part are stored.</param>
/// <param name="HasIndex">Whether the layers have an indexer.</param>
internal sealed record CacheLayout(int Layers, hd_mla_format Format, bool HasIndex)
{
    public const int IndexPageBytes =
        NativeMethods.HD_PAGE_TOKENS * NativeMethods.HD_INDEX_TOKEN_BYTES;

    /// <summary>Bytes of a page in all layers.</summary>
    public long PageBytes => (long)Layers * (MlaPageBytes + (HasIndex ? IndexPageBytes : 0));

    public int MlaPageBytes => NativeMethods.HD_PAGE_TOKENS * MlaPages.TokenBytes(Format);
}
