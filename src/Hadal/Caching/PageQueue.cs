namespace Hadal.Caching;

/// <summary>Pages in the order in which they were added, linked so that any can be taken out. Allocates nothing.</summary>
internal sealed class PageQueue
{
    // Rings through the entry after the last page: its next is the first of the queue, its previous the last.
    private readonly int[] _next;
    private readonly int[] _previous;
    private readonly int _end;

    public PageQueue(int pages)
    {
        _next = new int[pages + 1];
        _previous = new int[pages + 1];
        _end = pages;
        _next[_end] = _previous[_end] = _end;
    }

    public int Count { get; private set; }

    /// <summary>The page added first; there must be one.</summary>
    public int First => _next[_end];

    /// <summary>Adds a page that is not in the queue.</summary>
    public void Add(int page)
    {
        int last = _previous[_end];
        _next[last] = page;
        _previous[page] = last;
        _next[page] = _end;
        _previous[_end] = page;
        Count++;
    }

    /// <summary>Takes out a page that is in the queue.</summary>
    public void Remove(int page)
    {
        _next[_previous[page]] = _next[page];
        _previous[_next[page]] = _previous[page];
        Count--;
    }
}
