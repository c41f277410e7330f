namespace Hadal.Grammars;

/// <summary>
/// The nondeterministic automaton of a regular expression (Thompson: Regular expression search algorithm, 1968). A state takes a
/// character of a set, is an anchor, goes on to two others, or is the final one. Not thread-safe.
/// </summary>
internal sealed class RegexNfa
{
    private const int MaxStates = 50_000;
    private const int Fork = -1;
    private const int Begin = -2;
    private const int End = -3;

    /// <summary>The number of the final state.</summary>
    public const int Final = 0;

    /// <summary>A set's number, or what else a state is.</summary>
    private readonly List<int> _kinds = [Fork];
    private readonly List<int> _next = [-1];

    /// <summary>The other way of a fork, or −1.</summary>
    private readonly List<int> _other = [-1];
    private readonly int[][] _classesOf;
    private readonly bool[] _endable;
    private readonly bool[] _live;

    /// <param name="root">The expression.</param>
    /// <param name="search">Whether any text may come before and after.</param>
    /// <param name="anything">The number of the set of all characters; needed to search.</param>
    /// <param name="classesOf">The classes of each set.</param>
    public RegexNfa(RegexNode root, bool search, int anything, int[][] classesOf)
    {
        _classesOf = classesOf;
        Start = Emit(root, Final);
        if (search)
        {
            int loop = Add(Fork, Start, -1);
            _other[loop] = Add(anything, loop, -1);
            Start = loop;
        }
        _endable = new bool[Count];
        _live = new bool[Count];
        FindLive();
    }

    public int Start { get; }

    public int Count => _kinds.Count;

    /// <summary>Whether a text may end in a state after at least one character.</summary>
    public bool IsEndable(int state) => _endable[state];

    /// <summary>The classes of the characters that a state takes, none if it takes none.</summary>
    public ReadOnlySpan<int> ClassesOf(int state) =>
        _kinds[state] >= 0 ? _classesOf[_kinds[state]] : [];

    /// <summary>The state after one that takes a character.</summary>
    public int Next(int state) => _next[state];

    /// <summary>Whether the empty text is accepted.</summary>
    public bool AcceptsEmpty()
    {
        var seen = new bool[Count];
        var pending = new Stack<int>([Start]);
        while (pending.TryPop(out int state))
        {
            if (state < 0 || seen[state] || _kinds[state] >= 0)
                continue;
            seen[state] = true;
            pending.Push(_next[state]);
            pending.Push(_other[state]);
        }
        return seen[Final];
    }

    /// <summary>
    /// Adds the states that take characters, may end the text or are final, and that can be reached from one without a character.
    /// Those from which the final state can't be reached are left out.
    /// </summary>
    /// <param name="from">The state to go from.</param>
    /// <param name="atBegin">Whether no character has come yet.</param>
    /// <param name="seen">For each state the last mark that it was visited with.</param>
    /// <param name="mark">The mark of this set.</param>
    /// <param name="found">The states.</param>
    /// <param name="pending">An empty stack.</param>
    /// <returns>The number of states visited.</returns>
    public int Close(
        int from,
        bool atBegin,
        int[] seen,
        int mark,
        List<int> found,
        Stack<int> pending
    )
    {
        int visited = 0;
        pending.Push(from);
        while (pending.TryPop(out int state))
        {
            if (state < 0 || seen[state] == mark || !(_live[state] || atBegin))
                continue;
            seen[state] = mark;
            visited++;
            switch (_kinds[state])
            {
                case Fork when state != Final:
                    pending.Push(_other[state]);
                    pending.Push(_next[state]);
                    break;
                case Begin when atBegin:
                    pending.Push(_next[state]);
                    break;
                default:
                    if (_live[state])
                        found.Add(state);
                    break;
            }
        }
        return visited;
    }

    private int Emit(RegexNode node, int next)
    {
        switch (node.Kind)
        {
            case RegexNodeKind.Set:
                return Add(node.Set, next, -1);
            case RegexNodeKind.Begin:
                return Add(Begin, next, -1);
            case RegexNodeKind.End:
                return Add(End, next, -1);
            case RegexNodeKind.Sequence:
                for (RegexNode? item = node.Child; item != null; item = item.Sibling)
                    next = Emit(item, next);
                return next;
            case RegexNodeKind.Alternatives:
                int entry = -1;
                for (RegexNode? item = node.Child; item != null; item = item.Sibling)
                    entry = Add(Fork, Emit(item, next), entry);
                return entry;
            case RegexNodeKind.Repeat:
                return EmitRepeat(node, next);
            default:
                return next;
        }
    }

    private int EmitRepeat(RegexNode node, int next)
    {
        int entry = next;
        int copies = node.Min;
        if (node.Max == null)
        {
            int loop = Add(Fork, -1, next);
            int body = Emit(node.Child!, loop);
            _next[loop] = body;
            entry = copies == 0 ? loop : body;
            copies--;
        }
        for (int i = node.Min; i < node.Max; i++)
            entry = Add(Fork, Emit(node.Child!, entry), next);
        for (int i = 0; i < copies; i++)
            entry = Emit(node.Child!, entry);
        return entry;
    }

    private int Add(int kind, int next, int other)
    {
        if (_kinds.Count == MaxStates)
            throw new GrammarException(
                $"the pattern's automaton is too large: more than {MaxStates} states with its repetitions written out"
            );
        _kinds.Add(kind);
        _next.Add(next);
        _other.Add(other);
        return _kinds.Count - 1;
    }

    private void FindLive()
    {
        _endable[Final] = true;
        _live[Final] = true;
        // States come after those that they lead to, but for loops: few rounds are needed.
        for (bool changed = true; changed; )
        {
            changed = false;
            for (int state = 1; state < Count; state++)
            {
                if (_kinds[state] is not (Fork or End) || _endable[state])
                    continue;
                bool other = _other[state] >= 0 && _endable[_other[state]];
                _endable[state] = other || _endable[_next[state]];
                changed |= _endable[state];
            }
        }
        for (bool changed = true; changed; )
        {
            changed = false;
            for (int state = 1; state < Count; state++)
            {
                if (_live[state])
                    continue;
                _live[state] = _kinds[state] switch
                {
                    Begin => false,
                    End => _endable[state],
                    Fork => _live[_next[state]] || (_other[state] >= 0 && _live[_other[state]]),
                    _ => _live[_next[state]] && ClassesOf(state).Length > 0,
                };
                changed |= _live[state];
            }
        }
    }
}
