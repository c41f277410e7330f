using System.Text;
using Hadal.Chat;

namespace Hadal.Grammars;

/// <summary>Builds a <see cref="ByteAutomaton"/>.</summary>
internal sealed class ByteAutomatonBuilder
{
    /// <summary>What a grammar may have. A state takes about 40 bytes.</summary>
    public const int MaxStates = 1 << 20;

    // A parser reads a thought that has them as a call.
    private static readonly string[] s_calls =
    [
        $"<{ChatMarks.Dsml}",
        ChatMarks.CallsBegin,
        ChatMarks.CallBegin,
    ];

    private readonly List<(Edge Edge, int Before)> _edges = [];
    private readonly List<int> _lastEdges = [];
    private readonly Dictionary<int, TextSite> _texts = [];
    private readonly Dictionary<int, UntilSite> _untils = [];
    private readonly List<int> _ruleStarts = [];
    private readonly List<string> _marks = [];
    private readonly Dictionary<(CharAutomaton, bool), CharCode> _codes = [];

    /// <exception cref="GrammarException">There are too many.</exception>
    public int NewState()
    {
        if (_lastEdges.Count == MaxStates)
            throw new GrammarException(
                $"the grammar is too large: it has more than {MaxStates} states; take smaller lists, bounds or patterns"
            );
        _lastEdges.Add(-1);
        return _lastEdges.Count - 1;
    }

    /// <summary>A rule whose texts begin in a state of their own.</summary>
    public (int Rule, int Start) NewRule()
    {
        int start = NewState();
        _ruleStarts.Add(start);
        return (_ruleStarts.Count - 1, start);
    }

    public void Epsilon(int from, int to) => Add(from, new(EdgeKind.Epsilon, 0, 0, -1, to));

    public void Byte(int from, char value, int to) =>
        Add(from, new(EdgeKind.Bytes, (byte)value, (byte)value, -1, to));

    /// <summary>Bytes one after the other; the state after them.</summary>
    public int Literal(int from, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            int to = NewState();
            Byte(from, (char)value, to);
            from = to;
        }
        return from;
    }

    public int Literal(int from, string text) => Literal(from, Encoding.UTF8.GetBytes(text));

    public void Literal(int from, string text, int to) => Epsilon(Literal(from, text), to);

    /// <summary>One of several byte strings, as a trie.</summary>
    public void Literals(int from, List<byte[]> literals, int to)
    {
        literals.Sort(static (a, b) => a.AsSpan().SequenceCompareTo(b));
        var path = new List<int> { from };
        byte[]? before = null;
        foreach (byte[] literal in literals)
        {
            int common = literal.AsSpan().CommonPrefixLength(before);
            path.RemoveRange(common + 1, path.Count - common - 1);
            for (int i = common; i < literal.Length; i++)
            {
                path.Add(NewState());
                Byte(path[i], (char)literal[i], path[i + 1]);
            }
            if (before is null || literal.Length > common)
                Epsilon(path[^1], to);
            before = literal;
        }
    }

    /// <summary>A text that a tokenizer may have a token for, which then must come; the state after it.</summary>
    public int Mark(int from, string text)
    {
        int mark = IndexOf(text);
        int to = NewState();
        Add(from, new(EdgeKind.Mark, 0, 0, mark, to));
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int spelled = NewState();
        Add(from, new(EdgeKind.Bytes, bytes[0], bytes[0], mark, spelled));
        Epsilon(Literal(spelled, bytes.AsSpan(1)), to);
        return to;
    }

    /// <summary>An opening byte, a text of the rule with its closing byte.</summary>
    public void Call(int from, char open, int rule, int to) =>
        Add(from, new(EdgeKind.Call, (byte)open, (byte)open, rule, to));

    /// <summary>The closing byte that ends a text of the rule.</summary>
    public void Close(int from, char close, int rule) =>
        Add(from, new(EdgeKind.Close, (byte)close, (byte)close, rule, -1));

    /// <summary>The end of the whole text.</summary>
    public void Accept(int from) => Add(from, new(EdgeKind.Accept, 0, 0, -1, -1));

    /// <summary>Characters of an automaton. With bounds on their number, the automaton must go on from each of its states.</summary>
    /// <param name="from">The state before the quote of a JSON string, or before plain text.</param>
    /// <param name="characters">The characters.</param>
    /// <param name="isJson">Whether they are in a JSON string.</param>
    /// <param name="min">The fewest.</param>
    /// <param name="max">The most; −1 for no bound.</param>
    /// <param name="to">The state after them.</param>
    public void Text(int from, CharAutomaton characters, bool isJson, int min, int max, int to)
    {
        if (!_codes.TryGetValue((characters, isJson), out CharCode? code))
            _codes.Add((characters, isJson), code = CharCode.Of(characters, isJson));
        if ((long)characters.StateCount * code.Count > GrammarItem.MaxPlace)
            throw new GrammarException(
                $"the grammar is too large: a text has {characters.StateCount} states of {code.Count} phases"
            );
        int state = NewState();
        _texts.Add(state, new TextSite(characters, code, min, max, to));
        if (isJson)
            Byte(from, '"', state);
        else
            Epsilon(from, state);
    }

    /// <summary>Any text up to a trigger, and the trigger; the state after it.</summary>
    /// <param name="from">The state before it.</param>
    /// <param name="trigger">The trigger.</param>
    /// <param name="forbidden">What may not come in the text.</param>
    /// <param name="mayEnd">Whether the whole text may end before the trigger.</param>
    public int Until(int from, string trigger, string[] forbidden, bool mayEnd)
    {
        foreach (string text in (string[])[trigger, .. forbidden])
            AddMarks(text);
        int to = NewState();
        int state = NewState();
        _untils.Add(
            state,
            new UntilSite(
                Encoding.UTF8.GetBytes(trigger),
                [.. forbidden.Select(Encoding.UTF8.GetBytes)],
                to,
                mayEnd
            )
        );
        Epsilon(from, state);
        return to;
    }

    /// <summary>The automaton, without what can't reach the end.</summary>
    /// <param name="start">The first state.</param>
    /// <exception cref="GrammarException">No text reaches the end.</exception>
    public ByteAutomaton Build(int start)
    {
        int thought = NewState();
        Epsilon(Until(thought, ChatMarks.ThinkEnd, s_calls, mayEnd: false), start);
        bool[] alive = FindAlive();
        if (!alive[start])
            throw new GrammarException("nothing satisfies it");
        var firstEdges = new int[_lastEdges.Count + 1];
        var edges = new List<Edge>(_edges.Count);
        for (int state = 0; state < _lastEdges.Count; state++)
        {
            firstEdges[state] = edges.Count;
            for (int i = _lastEdges[state]; i >= 0; i = _edges[i].Before)
            {
                Edge edge = _edges[i].Edge;
                if (alive[state] && IsAlive(edge, alive))
                    edges.Add(edge);
            }
        }
        firstEdges[^1] = edges.Count;
        return new ByteAutomaton(
            firstEdges,
            [.. edges],
            _texts.Where(pair => alive[pair.Key]).ToDictionary(),
            _untils.Where(pair => alive[pair.Key]).ToDictionary(),
            [.. _ruleStarts],
            [.. _marks],
            start,
            thought
        );
    }

    // The tokens of marks in a text may come where it does.
    private void AddMarks(ReadOnlySpan<char> text)
    {
        for (int index; (index = ChatMarks.FindFirst(text, out string mark)) < text.Length; )
        {
            _ = IndexOf(mark);
            text = text[(index + mark.Length)..];
        }
    }

    private int IndexOf(string mark)
    {
        int index = _marks.IndexOf(mark);
        if (index >= 0)
            return index;
        _marks.Add(mark);
        return _marks.Count - 1;
    }

    private void Add(int from, Edge edge)
    {
        _edges.Add((edge, _lastEdges[from]));
        _lastEdges[from] = _edges.Count - 1;
    }

    private bool IsAlive(Edge edge, bool[] alive) =>
        (edge.Target < 0 || alive[edge.Target])
        && (edge.Kind != EdgeKind.Call || alive[_ruleStarts[edge.Data]]);

    // Backwards from the ends, until nothing is new: a call is alive when its rule is and the state after it.
    private bool[] FindAlive()
    {
        int count = _lastEdges.Count;
        var alive = new bool[count];
        var lastInto = new int[count];
        lastInto.AsSpan().Fill(-1);
        var into = new List<(int From, int Before)>(2 * _edges.Count);
        var open = new Stack<int>();
        for (int from = 0; from < count; from++)
        {
            for (int i = _lastEdges[from]; i >= 0; i = _edges[i].Before)
            {
                Edge edge = _edges[i].Edge;
                if (edge.Target < 0)
                    open.Push(from);
                else
                    AddInto(edge.Target, from);
                if (edge.Kind == EdgeKind.Call)
                    AddInto(_ruleStarts[edge.Data], from);
            }
        }
        foreach ((int state, TextSite text) in _texts)
        {
            if (!text.Characters.IsEmpty && (text.Max < 0 || text.Min <= text.Max))
                AddInto(text.After, state);
        }
        foreach ((int state, UntilSite until) in _untils)
        {
            if (until.MayEnd)
                open.Push(state);
            else
                AddInto(until.After, state);
        }
        while (open.TryPop(out int state))
        {
            if (alive[state] || !HasWay(state))
                continue;
            alive[state] = true;
            for (int i = lastInto[state]; i >= 0; i = into[i].Before)
                open.Push(into[i].From);
        }
        return alive;

        void AddInto(int to, int from)
        {
            into.Add((from, lastInto[to]));
            lastInto[to] = into.Count - 1;
        }

        bool HasWay(int state)
        {
            if (_texts.ContainsKey(state) || _untils.ContainsKey(state))
                return true;
            for (int i = _lastEdges[state]; i >= 0; i = _edges[i].Before)
            {
                if (IsAlive(_edges[i].Edge, alive))
                    return true;
            }
            return false;
        }
    }
}
