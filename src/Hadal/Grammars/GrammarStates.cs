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

    // Nor may what one token asks for exceed it.
    private const long MostBytes = 4 * MaxBytes;

    private readonly ByteAutomaton _automaton;
    private readonly int[] _markTokens;
    private readonly int _far;
    private readonly ItemSets _sets = new();
    private readonly Dictionary<(int State, int Top), int> _pops = [];
    private readonly ItemSetBuilder _built;
    private int[] _next = [];
    private StateTraits[] _traits = [];
    private TokenTrie.NodeTraits[] _passes = [];

    /// <param name="automaton">The automaton.</param>
    /// <param name="markTokens">The token of each mark; −1 where it is spelled.</param>
    /// <param name="far">More characters than a token has.</param>
    public GrammarStates(ByteAutomaton automaton, int[] markTokens, int far)
    {
        _automaton = automaton;
        _markTokens = markTokens;
        _far = far;
        Width = automaton.ClassCount + markTokens.Length;
        _built = new ItemSetBuilder(automaton, far);
    }

    /// <summary>Whether it holds as much as it may.</summary>
    public bool IsFull => Bytes > MaxBytes;

    private long Bytes =>
        (long)_sets.Count * (Width + 4) * sizeof(int) + _sets.ItemCount * 8L + _pops.Count * 32L;

    public ReadOnlySpan<byte> Classes => _automaton.Classes;

    /// <summary>The state of a text that is at one place.</summary>
    public int Enter(int place)
    {
        _built.Begin();
        _built.AddPlace(place);
        return Intern();
    }

    /// <summary>The state here that is one of other states of the same automaton.</summary>
    public int Import(GrammarStates others, int state)
    {
        _built.Begin();
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
        _built.Begin();
        for (int i = 0; i < _sets[state].Length; i++)
            _built.StepMark(_sets[state][i], mark);
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
        _built.Begin();
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
        _built.Begin();
        foreach (GrammarItem item in _sets[state])
            _built.AddRecounted(item, characters);
        return Intern();
    }

    private int Compute(int state, byte value)
    {
        _built.Begin();
        bool opens = false;
        bool closes = false;
        bool goes = false;
        for (int i = 0; i < _sets[state].Length; i++)
        {
            GrammarItem item = _sets[state][i];
            if (!_automaton.IsPlain(item.State))
            {
                goes |= _built.Step(item, value);
                continue;
            }
            foreach (Edge edge in _automaton.Edges(item.State))
            {
                if (value < edge.First || value > edge.Last)
                    continue;
                switch (edge.Kind)
                {
                    case EdgeKind.Bytes when edge.Data < 0 || _markTokens[edge.Data] < 0:
                        _built.AddPlace(edge.Target);
                        goes = true;
                        break;
                    case EdgeKind.Call:
                        _built.AddPlace(_automaton.RuleStart(edge.Data));
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

    private void AddReturns(int top, int rule)
    {
        foreach (GrammarItem caller in _sets[top])
        {
            if (!_automaton.IsPlain(caller.State))
                continue;
            foreach (Edge call in _automaton.Edges(caller.State))
            {
                if (call.Kind == EdgeKind.Call && call.Data == rule)
                    _built.AddPlace(call.Target);
            }
        }
    }

    private int Intern()
    {
        ReadOnlySpan<GrammarItem> items = _built.Build();
        if (items.IsEmpty)
            return Dead;
        int before = _sets.Count;
        int set = _sets.Intern(items);
        if (set < before)
            return set;
        if (Bytes > MostBytes)
            throw new GrammarException(
                $"the grammar has too many readings of this text: their states take more than {MostBytes >> 20} MB; take fewer alternatives, or patterns with anchors"
            );
        if (_traits.Length < _sets.Count)
        {
            Array.Resize(ref _traits, Math.Max(64, 2 * _traits.Length));
            Array.Resize(ref _passes, _traits.Length);
            int old = _next.Length;
            Array.Resize(ref _next, _traits.Length * Width);
            _next.AsSpan(old).Fill(Unknown);
        }
        _traits[set] = TraitsOf(items);
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
