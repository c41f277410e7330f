namespace Hadal.Caching;

/// <summary>How full a <see cref="PagedCache"/> is, and what its prefixes have saved since it was made.</summary>
/// <param name="FreePages">Pages that hold nothing.</param>
/// <param name="CachedPages">Pages of cached prefixes that no sequence has: a step that needs pages takes them.</param>
/// <param name="ReferencedPages">Pages that sequences have. With the two above they are all pages.</param>
/// <param name="Hits">Sequences that began with pages of a cached prefix.</param>
/// <param name="TokensSaved">Tokens in those pages, which were not computed again.</param>
/// <param name="Evictions">Pages of cached prefixes that were taken for other tokens.</param>
public readonly record struct CacheStatistics(
    int FreePages,
    int CachedPages,
    int ReferencedPages,
    long Hits,
    long TokensSaved,
    long Evictions
);
