namespace Hadal.Caching;

/// <summary>
/// Tells who has each page of a cache: no one (it is free), sequences (each counts one reference), or only the prefix index
/// (it is cached: it goes to whoever needs a page, the longest unused first). The cache guards it.
/// </summary>
internal sealed class PageAllocator
{
    // The free pages are _free[.._freeCount]; the lowest come first.
    private readonly int[] _free;
    private readonly int[] _references;
    private readonly PageQueue _cached;

    public PageAllocator(int pages)
    {
        _free = new int[pages];
        for (int i = 0; i < pages; i++)
            _free[i] = pages - 1 - i;
        FreeCount = pages;
        _references = new int[pages];
        _cached = new PageQueue(pages);
    }

    public int FreeCount { get; private set; }

    public int CachedCount => _cached.Count;

    /// <summary>Pages that sequences have. With the free and the cached ones they are all.</summary>
    public int ReferencedCount { get; private set; }

    /// <summary>The cached page that was let go of first.</summary>
    public int OldestCached => _cached.First;

    public int References(int page) => _references[page];

    /// <summary>Takes a free page, of which there must be one, for one sequence.</summary>
    public int Take()
    {
        int page = _free[--FreeCount];
        _references[page] = 1;
        ReferencedCount++;
        return page;
    }

    /// <summary>Counts one more sequence that has a page, which is cached or another's too.</summary>
    public void Hold(int page)
    {
        if (_references[page]++ > 0)
            return;
        _cached.Remove(page);
        ReferencedCount++;
    }

    /// <summary>Counts one sequence less.</summary>
    /// <param name="page">The page.</param>
    /// <param name="isPublished">Whether it becomes cached rather than free after the last.</param>
    public void Release(int page, bool isPublished)
    {
        if (--_references[page] > 0)
            return;
        ReferencedCount--;
        if (isPublished)
            _cached.Add(page);
        else
            _free[FreeCount++] = page;
    }

    /// <summary>Frees a cached page.</summary>
    public void Evict(int page)
    {
        _cached.Remove(page);
        _free[FreeCount++] = page;
    }
}
