namespace Hadal.Grammars;

/// <summary>
/// Finds the equivalent states of an automaton (Hopcroft: An n log n algorithm for minimizing states in a finite automaton,
/// 1971).
/// </summary>
internal sealed class StateMinimizer
{
    private readonly int[] _block;
    private readonly int[] _states;
    private readonly int[] _place;
    private readonly List<(int From, int To)> _ranges = [];

    /// <summary>How many states of a block have been moved to its beginning.</summary>
    private readonly List<int> _marked = [];
    private readonly List<int> _touched = [];
    private readonly Stack<int> _pending = new();

    private StateMinimizer(bool[] accepts)
    {
        int count = accepts.Length;
        _block = new int[count];
        _states = new int[count];
        _place = new int[count];
        int accepting = 0;
        foreach (bool accept in accepts)
            accepting += accept ? 1 : 0;
        AddBlock(0, accepting);
        if (accepting < count)
            AddBlock(accepting, count);
        int yes = 0;
        int no = accepting;
        for (int state = 0; state < count; state++)
        {
            _place[state] = accepts[state] ? yes++ : no++;
            _states[_place[state]] = state;
            _block[state] = accepts[state] ? 0 : 1;
        }
    }

    /// <summary>A number for each state; equivalent states have the same one. The numbers are less than the states' count.</summary>
    /// <param name="next">[state × classes + class]: the target; −1 for none.</param>
    /// <param name="accepts">Whether a state accepts; at least one does.</param>
    /// <param name="classes">The number of classes.</param>
    public static int[] Blocks(int[] next, bool[] accepts, int classes)
    {
        var minimizer = new StateMinimizer(accepts);
        minimizer.Refine(next, classes);
        return minimizer._block;
    }

    private void Refine(int[] next, int classes)
    {
        int count = _block.Length;
        // The states that lead to a target by a class: those from into[target × classes + class] on.
        var into = new int[count * classes + 1];
        for (int i = 0; i < next.Length; i++)
        {
            if (next[i] >= 0)
                into[next[i] * classes + i % classes + 1]++;
        }
        for (int i = 0; i < next.Length; i++)
            into[i + 1] += into[i];
        var sources = new int[into[^1]];
        int[] filled = into.AsSpan(0, next.Length).ToArray();
        for (int i = 0; i < next.Length; i++)
        {
            if (next[i] >= 0)
                sources[filled[next[i] * classes + i % classes]++] = i / classes;
        }
        var splitter = new int[count];
        while (_pending.TryPop(out int block))
        {
            (int from, int to) = _ranges[block];
            // The block itself may be split meanwhile.
            Span<int> members = splitter.AsSpan(0, to - from);
            _states.AsSpan(from..to).CopyTo(members);
            for (int c = 0; c < classes; c++)
            {
                foreach (int member in members)
                {
                    int at = member * classes + c;
                    for (int i = into[at]; i < into[at + 1]; i++)
                        Mark(sources[i]);
                }
                Split();
            }
        }
    }

    private void Mark(int state)
    {
        int block = _block[state];
        int place = _place[state];
        int front = _ranges[block].From + _marked[block];
        if (place < front)
            return;
        if (_marked[block]++ == 0)
            _touched.Add(block);
        int other = _states[front];
        (_states[front], _states[place]) = (state, other);
        (_place[state], _place[other]) = (front, place);
    }

    private void Split()
    {
        foreach (int block in _touched)
        {
            (int from, int to) = _ranges[block];
            int middle = from + _marked[block];
            _marked[block] = 0;
            if (middle == to)
                continue;
            // The new block is the smaller one: if the old one is pending, both must be, and else the smaller one suffices.
            bool front = middle - from <= to - middle;
            _ranges[block] = front ? (middle, to) : (from, middle);
            int added = front ? AddBlock(from, middle) : AddBlock(middle, to);
            for (int i = _ranges[added].From; i < _ranges[added].To; i++)
                _block[_states[i]] = added;
        }
        _touched.Clear();
    }

    private int AddBlock(int from, int to)
    {
        int block = _ranges.Count;
        _ranges.Add((from, to));
        _marked.Add(0);
        _pending.Push(block);
        return block;
    }
}
