namespace Hadal.Caching;

/// <summary>
/// A step needs more pages than the cache has available. Nothing was written: all sequences are as they were.
/// </summary>
public sealed class CacheFullException : HadalException
{
    internal CacheFullException(int neededPages, int availablePages, int pageCount, int tokens)
        : base(
            $"The step's {tokens} tokens need {neededPages} more pages of {PagedCache.PageTokens} tokens, but of the cache's "
                + $"{pageCount} pages {availablePages} are available; dispose sequences, or make the cache larger "
                + $"(it holds {(long)pageCount * PagedCache.PageTokens} tokens in all)"
        )
    {
        NeededPages = neededPages;
        AvailablePages = availablePages;
        PageCount = pageCount;
    }

    /// <summary>Pages that the step needs on top of those that its sequences have.</summary>
    public int NeededPages { get; }

    /// <summary>Pages that no sequence has, those of cached prefixes included.</summary>
    public int AvailablePages { get; }

    /// <summary>Pages of the cache.</summary>
    public int PageCount { get; }
}
