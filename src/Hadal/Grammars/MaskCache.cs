namespace Hadal.Grammars;

/// <summary>
/// The masks of the states that took long, with as much of the stack as they depend on; of so many the oldest goes. Not
/// thread-safe.
/// </summary>
/// <param name="words">Words of a mask.</param>
internal sealed class MaskCache(int words)
{
    private const int Capacity = 256;

    private readonly Dictionary<int, int> _places = new(Capacity);
    private readonly List<Entry> _entries = [];
    private int _oldest;

    /// <summary>Finds the mask of a state.</summary>
    public bool TryGet(int state, ReadOnlySpan<int> stack, Span<ulong> bits)
    {
        if (!_places.TryGetValue(state, out int place))
            return false;
        Entry entry = _entries[place];
        if (entry.Depth > stack.Length || !stack[^entry.Depth..].SequenceEqual(entry.Stack))
            return false;
        entry.Bits.CopyTo(bits);
        return true;
    }

    /// <summary>Keeps the mask of a state.</summary>
    /// <param name="state">The state.</param>
    /// <param name="stack">As much of the top of the stack as it depends on.</param>
    /// <param name="bits">The mask.</param>
    public void Add(int state, ReadOnlySpan<int> stack, ReadOnlySpan<ulong> bits)
    {
        if (!_places.TryGetValue(state, out int place))
        {
            place = _entries.Count;
            if (place < Capacity)
            {
                _entries.Add(new Entry(new ulong[words]));
            }
            else
            {
                place = _oldest;
                _oldest = (_oldest + 1) % Capacity;
                _places.Remove(_entries[place].State);
            }
            _places.Add(state, place);
        }
        Entry entry = _entries[place];
        entry.State = state;
        entry.SetStack(stack);
        bits.CopyTo(entry.Bits);
    }

    private sealed class Entry(ulong[] bits)
    {
        private int[] _stack = [];

        public int State { get; set; }

        public int Depth { get; private set; }

        public ReadOnlySpan<int> Stack => _stack.AsSpan(0, Depth);

        public ulong[] Bits { get; } = bits;

        public void SetStack(ReadOnlySpan<int> stack)
        {
            if (_stack.Length < stack.Length)
                _stack = new int[stack.Length];
            stack.CopyTo(_stack);
            Depth = stack.Length;
        }
    }
}
