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

    /// <summary>Grows with every change of its tokens.</summary>
    internal int Revision { get; private set; }

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
            if (_isInStep)
                throw new InvalidOperationException(
                    "A step is adding tokens to the sequence; truncate it when the step has ended"
                );
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

    /// <summary>Pages that are missing for this many more tokens.</summary>
    internal int MissingPages(int newTokens) =>
        PagedCache.PagesFor(Length + newTokens) - _pageCount;

    /// <summary>
    /// Takes the missing pages, which the cache must have, and keeps all until <see cref="EndStep"/>. The caller holds
    /// <see cref="PagedCache.Changes"/>, there too.
    /// </summary>
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

    internal int SlotOf(int position) =>
        _pages[position / PagedCache.PageTokens] * PagedCache.PageTokens
        + position % PagedCache.PageTokens;

    /// <summary>The position that a slot of the cache holds, or −1 if it is not of this sequence.</summary>
    internal int PositionOf(int slot)
    {
        int page = Pages.IndexOf(slot / PagedCache.PageTokens);
        return page < 0 ? -1 : page * PagedCache.PageTokens + slot % PagedCache.PageTokens;
    }

    private void GiveBackUnused()
    {
        int used = PagedCache.PagesFor(Length);
        while (_pageCount > used)
            Cache.GiveBack(_pages[--_pageCount]);
    }
}
