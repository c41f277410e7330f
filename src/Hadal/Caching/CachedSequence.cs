namespace Hadal.Caching;

/// <summary>
/// A sequence's tokens in a <see cref="PagedCache"/>. One thread at a time may change it; sequences of one cache may be
/// changed by several threads, and none waits for a step.
/// </summary>
public sealed class CachedSequence : IDisposable
{
    private readonly int[] _pages;
    private int _pageCount;
    private bool _isInStep;
    private bool _disposed;

    internal CachedSequence(PagedCache cache)
    {
        Cache = cache;
        _pages = new int[Math.Min(PagedCache.PagesFor(cache.MaxSequenceTokens), cache.PageCount)];
    }

    /// <summary>Tokens in the cache.</summary>
    public int Length { get; private set; }

    /// <summary>The cache that it is in.</summary>
    public PagedCache Cache { get; }

    /// <summary>The pages, in order of position.</summary>
    internal ReadOnlySpan<int> Pages => _pages.AsSpan(0, _pageCount);

    /// <summary>The most pages that it can have.</summary>
    internal int MostPages => _pages.Length;

    /// <summary>How many of the first pages are published; its own last token may be within the last of them.</summary>
    internal int PublishedPages { get; private set; }

    /// <summary>Grows with every change of its tokens, and of the pages that they are in.</summary>
    internal int Revision { get; private set; }

    /// <summary>Whether the next token's place is in a published page, which is never written to.</summary>
    private bool IsNextPublished =>
        Length % PagedCache.PageTokens != 0 && Length / PagedCache.PageTokens < PublishedPages;

    /// <summary>Forgets the tokens from a position on.</summary>
    /// <param name="length">The tokens to keep, from 0 to <see cref="Length"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are not that many.</exception>
    /// <exception cref="InvalidOperationException">A step is adding tokens to it.</exception>
    public void Truncate(int length)
    {
        lock (Cache.Changes)
        {
            ThrowIfDisposed();
            ArgumentOutOfRangeException.ThrowIfNegative(length);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
            ThrowIfInStep();
            if (length == Length)
                return;
            Length = length;
            Revision++;
            GiveBackUnused();
        }
    }

    /// <summary>Gives the pages back; those of a sequence in a step when that ends.</summary>
    public void Dispose()
    {
        lock (Cache.Changes)
        {
            if (_disposed)
                return;
            _disposed = true;
            Length = 0;
            Revision++;
            if (!_isInStep)
                GiveBackUnused();
        }
    }

    internal void ThrowIfDisposed()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Cache.ThrowIfDisposed();
    }

    internal void ThrowIfInStep()
    {
        if (_isInStep)
            throw new InvalidOperationException(
                "A step is adding tokens to the sequence; change it when the step has ended"
            );
    }

    /// <summary>
    /// Pages that are missing for this many more tokens, at the most. The caller holds <see cref="PagedCache.Changes"/>,
    /// below too.
    /// </summary>
    internal int MissingPages(int newTokens) =>
        PagedCache.PagesFor(Length + newTokens)
        - _pageCount
        + (IsNextPublished && !Cache.CanTakeBack(_pages[PublishedPages - 1]) ? 1 : 0);

    /// <summary>
    /// Makes the page of the next token its own, if that is published: it takes it back where no one else needs it, else it
    /// gets a copy, in a page that the cache must have.
    /// </summary>
    internal void OwnNextPage()
    {
        if (!IsNextPublished)
            return;
        int last = PublishedPages - 1;
        int page = _pages[last];
        if (Cache.CanTakeBack(page))
        {
            Cache.Prefixes.Remove(page);
        }
        else
        {
            _pages[last] = Cache.TakeCopy(page);
            Cache.GiveBack(page);
        }
        PublishedPages = last;
    }

    /// <summary>Takes the missing pages, which the cache must have, and keeps all until <see cref="EndStep"/>.</summary>
    internal void BeginStep(int newTokens)
    {
        for (int missing = MissingPages(newTokens); missing > 0; missing--)
            _pages[_pageCount++] = Cache.TakePage();
        _isInStep = true;
    }

    /// <summary>Takes the tokens as its own that the step has computed: none if it came to nothing.</summary>
    internal void EndStep(int newTokens)
    {
        _isInStep = false;
        if (newTokens > 0 && !_disposed)
        {
            Length += newTokens;
            Revision++;
        }
        GiveBackUnused();
    }

    /// <summary>Goes on with the tokens of a published page.</summary>
    internal void Adopt(int page)
    {
        Cache.Hold(page);
        _pages[_pageCount++] = page;
        PublishedPages++;
        Length += PagedCache.PageTokens;
        Revision++;
    }

    /// <summary>Tells it that its first page which was not is published, or is the same as another, which it takes.</summary>
    internal void SetPublished(int index, int page)
    {
        PublishedPages = index + 1;
        if (_pages[index] == page)
            return;
        Cache.Hold(page);
        Cache.GiveBack(_pages[index]);
        _pages[index] = page;
        Revision++;
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

    /// <summary>Makes its own slots, in ascending order of position, the positions that they hold.</summary>
    internal void SlotsToPositions(Span<int> slots)
    {
        int page = 0;
        foreach (ref int slot in slots)
        {
            while (_pages[page] != slot / PagedCache.PageTokens)
                page++;
            slot = page * PagedCache.PageTokens + slot % PagedCache.PageTokens;
        }
    }

    private void GiveBackUnused()
    {
        int used = PagedCache.PagesFor(Length);
        while (_pageCount > used)
            Cache.GiveBack(_pages[--_pageCount]);
        PublishedPages = Math.Min(PublishedPages, used);
    }
}
