using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace Hadal.Grammars;

/// <summary>
/// The minimal automaton of a list of texts, grown from the texts in order (Daciuk, Mihov, Watson, Watson: Incremental
/// construction of minimal acyclic finite-state automata, 2000).
/// </summary>
internal sealed class CharTrie
{
    /// <summary>The states along the last text, which may still get transitions: the open ones.</summary>
    private readonly List<Open> _path = [new Open()];
    private readonly List<int> _text = [];

    // Closed states: equal ones are one. A state's transitions are code points and targets from its offset on.
    private readonly List<bool> _accepts = [];
    private readonly List<int> _hashes = [];
    private readonly List<int> _offsets = [0];
    private readonly List<int> _codePoints = [];
    private readonly List<int> _targets = [];

    /// <summary>Closed states by their hashes, as one more than their numbers; 0 is free.</summary>
    private int[] _table = new int[1 << 6];

    private CharTrie() { }

    /// <summary>The automaton that accepts some texts.</summary>
    /// <exception cref="GrammarException">A text has half of a surrogate pair.</exception>
    public static CharAutomaton Build(IEnumerable<string> texts)
    {
        string[] sorted = [.. texts];
        Array.Sort(sorted, StringComparer.Ordinal);
        var trie = new CharTrie();
        var codePoints = new List<int>();
        foreach (string text in sorted)
        {
            codePoints.Clear();
            AddCodePoints(text, codePoints);
            trie.Add(codePoints);
        }
        return trie.Finish();
    }

    /// <summary>The automaton that accepts the texts in which another does not occur.</summary>
    public static CharAutomaton Avoiding(string text)
    {
        var codePoints = new List<int>();
        AddCodePoints(text, codePoints);
        CharClasses classes = Separate(codePoints);
        var builder = new CharAutomatonBuilder(classes, null);
        foreach (int _ in codePoints)
            builder.AddState(accepts: true);
        // A state is the length of the longest beginning of the text that ends here. Its transitions are those of the state
        // without the first character, but for the one that goes on (Knuth, Morris, Pratt: Fast pattern matching in strings, 1977).
        var rows = new List<Dictionary<int, int>>();
        int shorter = 0;
        for (int i = 0; i < codePoints.Count; i++)
        {
            int own = classes.Of(codePoints[i]);
            Dictionary<int, int> row = i == 0 ? [] : new(rows[shorter]);
            if (i > 0)
                shorter = row.GetValueOrDefault(own);
            row[own] = i + 1 < codePoints.Count ? i + 1 : -1;
            rows.Add(row);
            foreach ((int charClass, int target) in row)
                builder.Add(charClass, target);
            builder.Close(0);
        }
        return builder.Build();
    }

    private static void AddCodePoints(string text, List<int> codePoints)
    {
        for (int i = 0; i < text.Length; )
        {
            if (
                Rune.DecodeFromUtf16(text.AsSpan(i), out Rune rune, out int length)
                != OperationStatus.Done
            )
                throw new GrammarException(
                    $"the text '{QuotedText.Quote(QuotedText.Shorten(text))}' has half of a surrogate pair"
                );
            codePoints.Add(rune.Value);
            i += length;
        }
    }

    /// <summary>A class for each of some code points, and one for the others.</summary>
    private static CharClasses Separate(List<int> codePoints)
    {
        int[] distinct = [.. new HashSet<int>(codePoints)];
        Array.Sort(distinct);
        return CharClasses.OfSingles(distinct);
    }

    private void Add(List<int> text)
    {
        int common = 0;
        while (common < text.Count && common < _text.Count && text[common] == _text[common])
            common++;
        CloseTo(common);
        for (int i = common; i < text.Count; i++)
        {
            if (_path.Count == i + 1)
                _path.Add(new Open());
        }
        _path[text.Count].Accepts = true;
        _text.RemoveRange(common, _text.Count - common);
        _text.AddRange(CollectionsMarshal.AsSpan(text)[common..]);
    }

    /// <summary>Closes the open states after a number of characters.</summary>
    private void CloseTo(int length)
    {
        for (int i = _text.Count; i > length; i--)
        {
            Open parent = _path[i - 1];
            parent.CodePoints.Add(_text[i - 1]);
            parent.Targets.Add(Close(_path[i]));
        }
    }

    /// <summary>The number of the closed state that is like an open one, which is then ready for another.</summary>
    private int Close(Open state)
    {
        int number = _accepts.Count;
        uint mixed = state.Accepts ? 1u : 0;
        for (int i = 0; i < state.CodePoints.Count; i++)
        {
            mixed = (mixed ^ (uint)state.CodePoints[i]) * 0x9E3779B1;
            mixed = ((mixed ^ (mixed >> 15)) + (uint)state.Targets[i]) * 0x85EBCA77;
        }
        int hash = (int)(mixed ^ (mixed >> 13));
        if (2 * number >= _table.Length)
            GrowTable();
        int at = hash & (_table.Length - 1);
        for (; _table[at] != 0; at = (at + 1) & (_table.Length - 1))
        {
            if (_hashes[_table[at] - 1] != hash || !IsLike(_table[at] - 1, state))
                continue;
            number = _table[at] - 1;
            break;
        }
        if (number == _accepts.Count)
        {
            _table[at] = number + 1;
            _accepts.Add(state.Accepts);
            _hashes.Add(hash);
            _codePoints.AddRange(state.CodePoints);
            _targets.AddRange(state.Targets);
            _offsets.Add(_codePoints.Count);
        }
        state.Clear();
        return number;
    }

    private bool IsLike(int number, Open state)
    {
        int from = _offsets[number];
        int to = _offsets[number + 1];
        return _accepts[number] == state.Accepts
            && CollectionsMarshal
                .AsSpan(_codePoints)[from..to]
                .SequenceEqual(CollectionsMarshal.AsSpan(state.CodePoints))
            && CollectionsMarshal
                .AsSpan(_targets)[from..to]
                .SequenceEqual(CollectionsMarshal.AsSpan(state.Targets));
    }

    private void GrowTable()
    {
        _table = new int[2 * _table.Length];
        for (int number = 0; number < _hashes.Count; number++)
        {
            int at = _hashes[number] & (_table.Length - 1);
            while (_table[at] != 0)
                at = (at + 1) & (_table.Length - 1);
            _table[at] = number + 1;
        }
    }

    private CharAutomaton Finish()
    {
        CloseTo(0);
        // The root is the last one, and becomes the first.
        int root = Close(_path[0]);
        CharClasses classes = Separate(_codePoints);
        var builder = new CharAutomatonBuilder(classes, null);
        for (int state = root; state >= 0; state--)
        {
            builder.AddState(_accepts[state]);
            for (int i = _offsets[state]; i < _offsets[state + 1]; i++)
                builder.Add(classes.Of(_codePoints[i]), root - _targets[i]);
            builder.Close(-1);
        }
        // Only without texts has the root no way to an accepting state.
        return root == 0 ? builder.Build() : builder.BuildAsIs();
    }

    private sealed class Open
    {
        public bool Accepts { get; set; }

        public List<int> CodePoints { get; } = [];

        public List<int> Targets { get; } = [];

        public void Clear()
        {
            Accepts = false;
            CodePoints.Clear();
            Targets.Clear();
        }
    }
}
