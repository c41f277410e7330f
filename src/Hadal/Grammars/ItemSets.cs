namespace Hadal.Grammars;

/// <summary>Sets of items, each kept once under a number. Allocates nothing for one that is there.</summary>
internal sealed class ItemSets
{
    private GrammarItem[] _items = new GrammarItem[256];
    private int[] _starts = new int[64];
    private int[] _table = new int[128]; // Numbers plus 1, by hash; 0 for none.

    /// <summary>The number of sets.</summary>
    public int Count { get; private set; }

    /// <summary>The items of all.</summary>
    public int ItemCount => _starts[Count];

    public ReadOnlySpan<GrammarItem> this[int set] => _items.AsSpan(_starts[set].._starts[set + 1]);

    /// <summary>The number of a set.</summary>
    /// <param name="items">Its items, sorted, no two equal.</param>
    public int Intern(ReadOnlySpan<GrammarItem> items)
    {
        uint mask = (uint)_table.Length - 1;
        uint at = Hash(items) & mask;
        for (; _table[at] != 0; at = (at + 1) & mask)
        {
            if (this[_table[at] - 1].SequenceEqual(items))
                return _table[at] - 1;
        }
        int end = _starts[Count] + items.Length;
        if (end > _items.Length)
            Array.Resize(ref _items, Math.Max(end, 2 * _items.Length));
        items.CopyTo(_items.AsSpan(_starts[Count]));
        if (Count + 2 > _starts.Length)
            Array.Resize(ref _starts, 2 * _starts.Length);
        _starts[++Count] = end;
        _table[at] = Count;
        if (2 * Count > _table.Length)
            Grow();
        return Count - 1;
    }

    private void Grow()
    {
        var table = new int[2 * _table.Length];
        uint mask = (uint)table.Length - 1;
        for (int set = 0; set < Count; set++)
        {
            uint at = Hash(this[set]) & mask;
            while (table[at] != 0)
                at = (at + 1) & mask;
            table[at] = set + 1;
        }
        _table = table;
    }

    private static uint Hash(ReadOnlySpan<GrammarItem> items)
    {
        ulong hash = 0x9E3779B97F4A7C15;
        foreach (GrammarItem item in items)
        {
            hash = (hash ^ item.Bits) * 0xBF58476D1CE4E5B9;
            hash ^= hash >> 29;
        }
        return (uint)(hash >> 16);
    }
}
