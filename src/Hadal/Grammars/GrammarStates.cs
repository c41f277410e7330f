namespace Hadal.Grammars;

/// <summary>
/// A <see cref="ByteAutomaton"/> made deterministic, state by state, as texts come to them: a state is the set of places where
/// a text may be. An opening byte puts the state before it on a stack; the closing byte takes it off. Not thread-safe.
/// </summary>
internal sealed class GrammarStates
{
    /// <summary>No text goes on so.</summary>
    public const int Dead = -1;

    /// <summary>The byte closes: <see cref="Pop"/> tells what follows.</summary>
    public const int Closes = -3;

    /// <summary>The byte opens: <see cref="Frame"/> tells what follows.</summary>
    public const int Opens = -4;

    /// <summary>In <see cref="Table"/>: <see cref="Next"/> is to work it out.</summary>
    public const int Unknown = -2;

    // Beyond it, the states are to be forgotten.
    private const long MaxBytes = 24 << 20;

    private readonly ByteAutomaton _automaton;
    private readonly int[] _markTokens;
    private readonly byte[][] _markBytes;
    private readonly int _far;
    private readonly ItemSets _sets = new();
    private readonly Dictionary<(int State, int Top), int> _pops = [];
    private readonly int[] _stamps;
    private readonly List<int> _open = [];
    private readonly List<GrammarItem> _built = [];
    private int[] _next = [];
    private StateTraits[] _traits = [];
    private TokenTrie.NodeTraits[] _passes = [];
    private int _stamp;

    /// <param name="automaton">The automaton.</param>
    /// <param name="markTokens">The token of each mark; −1 where it is spelled.</param>
    /// <param name="far">More characters than a token has.</param>
    public GrammarStates(ByteAutomaton automaton, int[] markTokens, int far)
    {
        _automaton = automaton;
        _markTokens = markTokens;
        _markBytes = [.. automaton.Marks.Select(System.Text.Encoding.UTF8.GetBytes)];
        _far = far;
        Width = automaton.ClassCount + markTokens.Length;
        _stamps = new int[automaton.StateCount];
    }

    /// <summary>Whether it holds as much as it may.</summary>
    public bool IsFull =>
        (long)_sets.Count * (Width + 4) * sizeof(int) + _sets.ItemCount * 8L + _pops.Count * 32L
        > MaxBytes;

    /// <summary>The tokens of the marks; −1 for those that are spelled.</summary>
    public ReadOnlySpan<int> MarkTokens => _markTokens;

    public ReadOnlySpan<byte> Classes => _automaton.Classes;

    /// <summary>The state of a text that is at one place.</summary>
    public int Enter(int place)
    {
        BeginSet();
        AddPlace(place);
        return Intern();
    }

    /// <summary>The state here that is one of other states of the same automaton.</summary>
    public int Import(GrammarStates others, int state)
    {
        BeginSet();
        foreach (GrammarItem item in others._sets[state])
            _built.Add(item);
        return Intern();
    }

    public StateTraits Traits(int state) => _traits[state];

    /// <summary>What follows states: [state × <see cref="Width"/> + class of the byte].</summary>
    public int[] Table => _next;

    /// <summary>Of each state what bytes must be like so that all of them may come.</summary>
    public TokenTrie.NodeTraits[] Passes => _passes;

    /// <summary>The length of a row of <see cref="Table"/>.</summary>
    public int Width { get; }

    /// <summary>The state after a byte: a state, <see cref="Dead"/>, <see cref="Closes"/>, or <see cref="Opens"/> or less.</summary>
    public int Next(int state, byte value)
    {
        int next = _next[state * Width + _automaton.Classes[value]];
        return next != Unknown ? next : Compute(state, value);
    }

    /// <summary>The state after the token of a mark, or <see cref="Dead"/>.</summary>
    public int NextMark(int state, int mark)
    {
        int at = state * Width + _automaton.ClassCount + mark;
        if (_next[at] != Unknown)
            return _next[at];
        BeginSet();
        for (int i = 0; i < _sets[state].Length; i++)
            StepMark(_sets[state][i], mark);
        int next = Intern();
        return _next[at] = next;
    }

    /// <summary>The state in which the text of a call begins, of what <see cref="Next"/> gave.</summary>
    public static int Frame(int next) => Opens - next;

    /// <summary>The state after a closing byte.</summary>
    /// <param name="state">The state before it.</param>
    /// <param name="value">The byte.</param>
    /// <param name="top">The state before the opening byte.</param>
    public int Pop(int state, byte value, int top)
    {
        if (_pops.TryGetValue((state, top), out int next))
            return next;
        BeginSet();
        foreach (GrammarItem item in _sets[state])
        {
            if (!_automaton.IsPlain(item.State))
                continue;
            foreach (Edge close in _automaton.Edges(item.State))
            {
                if (close.Kind == EdgeKind.Close && close.First == value)
                    AddReturns(top, close.Data);
            }
        }
        next = Intern();
        _pops.Add((state, top), next);
        return next;
    }

    /// <summary>The same state with the bounds as they are after so many characters of its text.</summary>
    public int Recount(int state, int characters)
    {
        BeginSet();
        foreach (GrammarItem item in _sets[state])
        {
            GrammarItem counted = item;
            if (_automaton.Text(item.State) is { IsCounted: true } text)
                counted = new GrammarItem(
                    item.State,
                    item.Place,
                    Math.Clamp(text.Min - characters, 0, _far),
                    text.Max < 0
                        ? GrammarItem.Unbounded
                        : Math.Clamp(text.Max - characters, 0, _far)
                );
            _built.Add(counted);
        }
        return Intern();
    }

    private int Compute(int state, byte value)
    {
        BeginSet();
        bool opens = false;
        bool closes = false;
        bool goes = false;
        for (int i = 0; i < _sets[state].Length; i++)
        {
            GrammarItem item = _sets[state][i];
            if (!_automaton.IsPlain(item.State))
            {
                goes |= Step(item, value);
                continue;
            }
            foreach (Edge edge in _automaton.Edges(item.State))
            {
                if (value < edge.First || value > edge.Last)
                    continue;
                switch (edge.Kind)
                {
                    case EdgeKind.Bytes when edge.Data < 0 || _markTokens[edge.Data] < 0:
                        AddPlace(edge.Target);
                        goes = true;
                        break;
                    case EdgeKind.Call:
                        AddPlace(_automaton.RuleStart(edge.Data));
                        opens = true;
                        break;
                    case EdgeKind.Close:
                        closes = true;
                        break;
                }
            }
        }
        if ((opens ? 1 : 0) + (closes ? 1 : 0) + (goes ? 1 : 0) > 1)
            throw new InvalidOperationException(
                $"The byte {value} opens or closes in one reading of a text, and not in another"
            );
        int next =
            closes ? Closes
            : opens ? Opens - Intern()
            : Intern();
        return _next[state * Width + _automaton.Classes[value]] = next;
    }

    // A byte in a text, or up to a trigger; whether it may come.
    private bool Step(GrammarItem item, byte value)
    {
        if (_automaton.Until(item.State) is { } until)
        {
            StepUntil(item.State, until, item.Place, [value]);
            return true;
        }
        TextSite text = _automaton.Text(item.State)!;
        (int state, int phase) = Math.DivRem(item.Place, text.Code.Count);
        if (phase == 0 && value == '"' && text.Code.IsJson)
        {
            if (!text.Characters.Accepts(state) || item.ToMin > 0)
                return false;
            AddPlace(text.After);
            return true;
        }
        int next = text.Code.Next(phase, value);
        if (next == CharCode.Dead || item.ToMax == 0)
            return false;
        if (next >= 0)
        {
            if (!GoesOn(text, state, next))
                return false;
            int place = state * text.Code.Count + next;
            _built.Add(new GrammarItem(item.State, place, item.ToMin, item.ToMax));
            return true;
        }
        state = text.Characters.Next(state, ~next);
        if (state < 0)
            return false;
        AddText(
            item.State,
            text,
            state,
            Math.Max(0, item.ToMin - 1),
            item.ToMax == GrammarItem.Unbounded ? item.ToMax : item.ToMax - 1
        );
        return true;
    }

    // Whether a character that begins so can be one that may come.
    private static bool GoesOn(TextSite text, int state, int phase)
    {
        ReadOnlySpan<ulong> classes = text.Code.Reachable(phase);
        for (int i = 0; i < text.Characters.ClassCount; i++)
        {
            if ((classes[i / 64] >> (i % 64) & 1) != 0 && text.Characters.Next(state, i) >= 0)
                return true;
        }
        return false;
    }

    private void StepMark(GrammarItem item, int mark)
    {
        if (_automaton.Until(item.State) is { } until)
        {
            StepUntil(item.State, until, item.Place, _markBytes[mark]);
            return;
        }
        foreach (Edge edge in _automaton.Edges(item.State))
        {
            if (edge.Kind == EdgeKind.Mark && edge.Data == mark)
                AddPlace(edge.Target);
        }
    }

    private void StepUntil(int state, UntilSite until, int length, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            length = until.Next(length, bytes[i]);
            if (length < until.Trigger.Length)
                continue;
            // What follows a trigger within a mark is not looked at: no mark has bytes after one.
            if (i == bytes.Length - 1)
                AddPlace(until.After);
            return;
        }
        _built.Add(new GrammarItem(state, length));
    }

    private void AddReturns(int top, int rule)
    {
        foreach (GrammarItem caller in _sets[top])
        {
            if (!_automaton.IsPlain(caller.State))
                continue;
            foreach (Edge call in _automaton.Edges(caller.State))
            {
                if (call.Kind == EdgeKind.Call && call.Data == rule)
                    AddPlace(call.Target);
            }
        }
    }

    private void BeginSet()
    {
        _built.Clear();
        _stamp++;
    }

    private void AddPlace(int first)
    {
        _open.Add(first);
        while (_open.Count > 0)
        {
            int place = _open[^1];
            _open.RemoveAt(_open.Count - 1);
            if (_stamps[place] == _stamp)
                continue;
            _stamps[place] = _stamp;
            if (_automaton.Text(place) is { } text)
            {
                int toMax = text.Max < 0 ? GrammarItem.Unbounded : Math.Min(text.Max, _far);
                AddText(place, text, text.Characters.Start, Math.Min(text.Min, _far), toMax);
                continue;
            }
            if (_automaton.Until(place) is not null)
            {
                _built.Add(new GrammarItem(place));
                continue;
            }
            bool takes = false;
            foreach (Edge edge in _automaton.Edges(place))
            {
                if (edge.Kind == EdgeKind.Epsilon)
                    _open.Add(edge.Target);
                else
                    takes = true;
            }
            if (takes)
                _built.Add(new GrammarItem(place));
        }
    }

    private void AddText(int place, TextSite text, int state, int toMin, int toMax)
    {
        _built.Add(new GrammarItem(place, state * text.Code.Count, toMin, toMax));
        if (!text.Code.IsJson && toMin == 0 && text.Characters.Accepts(state))
            AddPlace(text.After);
    }

    private int Intern()
    {
        if (_built.Count == 0)
            return Dead;
        Span<GrammarItem> items = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_built);
        items.Sort();
        int count = 1;
        for (int i = 1; i < items.Length; i++)
        {
            if (items[i] != items[count - 1])
                items[count++] = items[i];
        }
        int before = _sets.Count;
        int set = _sets.Intern(items[..count]);
        if (set < before)
            return set;
        if (_traits.Length < _sets.Count)
        {
            Array.Resize(ref _traits, Math.Max(64, 2 * _traits.Length));
            Array.Resize(ref _passes, _traits.Length);
            int old = _next.Length;
            Array.Resize(ref _next, _traits.Length * Width);
            _next.AsSpan(old).Fill(Unknown);
        }
        _traits[set] = TraitsOf(items[..count]);
        _passes[set] =
            _traits[set].StringRoom == int.MaxValue ? TokenTrie.NodeTraits.StaysInString
            : _traits[set].IsInText ? TokenTrie.NodeTraits.LacksTrigger
            : TokenTrie.NodeTraits.None;
        return set;
    }

    private StateTraits TraitsOf(ReadOnlySpan<GrammarItem> items)
    {
        (bool mayEnd, bool counts, bool isBetween) = (false, false, false);
        (int room, int anyStrings) = (-1, 0);
        bool isInText = false;
        foreach (GrammarItem item in items)
        {
            if (_automaton.Until(item.State) is { } until)
            {
                mayEnd |= until.MayEnd;
                isInText = items.Length == 1 && item.Place == 0 && until.BeginsAsTokensAreSplit;
            }
            else if (_automaton.Text(item.State) is { } text)
            {
                (int state, int phase) = Math.DivRem(item.Place, text.Code.Count);
                counts |= text.IsCounted;
                isBetween |= phase == 0;
                if (phase != 0 || !text.Code.TakesPairs || !text.Characters.IsAnything(state))
                    continue;
                anyStrings++;
                room = Math.Max(room, item.ToMax >= _far ? int.MaxValue : item.ToMax);
            }
            else
            {
                foreach (Edge edge in _automaton.Edges(item.State))
                    mayEnd |= edge.Kind == EdgeKind.Accept;
            }
        }
        // Another reading might have room for more characters.
        if (room != int.MaxValue && anyStrings < items.Length)
            room = -1;
        return new StateTraits(mayEnd, counts, isBetween, room, isInText);
    }
}
