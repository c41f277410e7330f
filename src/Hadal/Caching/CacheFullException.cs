namespace Hadal.Caching;

/// <summary>A step needs more pages than the cache has free. Nothing was written: all sequences are as they were.</summary>
public sealed class CacheFullException : HadalException
{
    internal CacheFullException(int neededPages, int freePages, int pageCount, int tokens)
        : base(
            $"The step's {tokens} tokens need {neededPages} more pages of {PagedCache.PageTokens} tokens, but of the cache's "
                + $"{pageCount} pages {freePages} are free; dispose sequences, or make the cache larger "
                + $"(it holds {(long)pageCount * PagedCache.PageTokens} tokens in all)"
        )
    {
        NeededPages = neededPages;
        FreePages = freePages;
        PageCount = pageCount;
    }

    /// <summary>Pages that the step needs on top of those that its sequences have.</summary>
    public int NeededPages { get; }

    /// <summary>Pages that are free.</summary>
    public int FreePages { get; }

    /// <summary>Pages of the cache.</summary>
    public int PageCount { get; }
}
