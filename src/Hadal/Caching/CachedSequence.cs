namespace Hadal.Caching;

/// <summary>A sequence's tokens in a <see cref="PagedCache"/>. Not thread-safe.</summary>
public sealed class CachedSequence : IDisposable
{
    private readonly int[] _pages;
    private int _pageCount;
    private bool _disposed;

    internal CachedSequence(PagedCache cache)
    {
        Cache = cache;
        _pages = new int[PagedCache.PagesFor(cache.MaxSequenceTokens)];
    }

    /// <summary>Tokens in the cache.</summary>
    public int Length { get; private set; }

    /// <summary>The cache that it is in.</summary>
    public PagedCache Cache { get; }

    /// <summary>The pages, in order of position.</summary>
    internal ReadOnlySpan<int> Pages => _pages.AsSpan(0, _pageCount);

    /// <summary>Forgets the tokens from a position on.</summary>
    /// <param name="length">The tokens to keep, from 0 to <see cref="Length"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are not that many.</exception>
    public void Truncate(int length)
    {
        ThrowIfDisposed();
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
        GiveBackUnused();
    }

    /// <summary>Gives the pages back.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        Length = 0;
        GiveBackUnused();
        _disposed = true;
    }

    internal void ThrowIfDisposed()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Cache.ThrowIfDisposed();
    }

    /// <summary>Pages that are missing for this many more tokens.</summary>
    internal int MissingPages(int newTokens) =>
        PagedCache.PagesFor(Length + newTokens) - _pageCount;

    /// <summary>Takes the missing pages; the cache must have them.</summary>
    internal void Reserve(int newTokens)
    {
        for (int missing = MissingPages(newTokens); missing > 0; missing--)
            _pages[_pageCount++] = Cache.TakePage();
    }

    internal void Advance(int newTokens) => Length += newTokens;

    /// <summary>Gives back the pages that hold no token.</summary>
    internal void GiveBackUnused()
    {
        int used = PagedCache.PagesFor(Length);
        while (_pageCount > used)
            Cache.GiveBack(_pages[--_pageCount]);
    }

    internal int SlotOf(int position) =>
        _pages[position / PagedCache.PageTokens] * PagedCache.PageTokens
        + position % PagedCache.PageTokens;

    /// <summary>The position that a slot of the cache holds, or −1 if it is not of this sequence.</summary>
    internal int PositionOf(int slot)
    {
        int page = Pages.IndexOf(slot / PagedCache.PageTokens);
        return page < 0 ? -1 : page * PagedCache.PageTokens + slot % PagedCache.PageTokens;
    }
}
