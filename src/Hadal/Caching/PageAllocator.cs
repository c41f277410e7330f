namespace Hadal.Caching;

/// <summary>Hands out the pages of a cache, which guards it.</summary>
internal sealed class PageAllocator
{
    // The free pages are _free[.._count]; the lowest come first.
    private readonly int[] _free;
    private int _count;

    public PageAllocator(int pages)
    {
        _free = new int[pages];
        for (int i = 0; i < pages; i++)
            _free[i] = pages - 1 - i;
        _count = pages;
    }

    public int FreeCount => _count;

    public int Take() => _free[--_count];

    public void GiveBack(int page) => _free[_count++] = page;
}
