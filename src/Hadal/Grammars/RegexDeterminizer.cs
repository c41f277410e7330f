using System.Runtime.InteropServices;

namespace Hadal.Grammars;

/// <summary>Makes a deterministic automaton of a nondeterministic one, whose sets of states become its states. Not thread-safe.</summary>
internal sealed class RegexDeterminizer
{
    /// <summary>The most visits of states of the nondeterministic automaton, which bounds the time.</summary>
    private const int MaxVisits = 10_000_000;

    private readonly RegexNfa _nfa;
    private readonly bool _search;
    private readonly CharAutomatonBuilder _builder;

    /// <summary>The members of each set, one set after the other.</summary>
    private readonly List<int> _members = [];
    private readonly List<int> _offsets = [0];
    private readonly List<int> _hashes = [];

    /// <summary>Sets by their hashes, as one more than their numbers; 0 is free.</summary>
    private int[] _table = new int[1 << 6];

    private readonly int[] _seen;
    private readonly List<int> _found = [];
    private readonly Stack<int> _pending = new();
    private int _mark;
    private int _visits;

    /// <summary>The states after a character, as a linked list for each class.</summary>
    private readonly int[] _heads;
    private readonly List<int> _touched = [];
    private readonly List<(int State, int Next)> _links = [];

    private RegexDeterminizer(RegexNfa nfa, bool search, CharClasses classes)
    {
        _nfa = nfa;
        _search = search;
        _builder = new CharAutomatonBuilder(classes, "the pattern's automaton");
        _seen = new int[nfa.Count];
        _heads = new int[classes.Count];
        Array.Fill(_heads, -1);
    }

    /// <param name="nfa">The automaton.</param>
    /// <param name="search">Whether any text may follow what it accepts.</param>
    /// <param name="classes">The classes.</param>
    /// <exception cref="GrammarException">It would be too large.</exception>
    public static CharAutomaton Run(RegexNfa nfa, bool search, CharClasses classes)
    {
        var determinizer = new RegexDeterminizer(nfa, search, classes);
        determinizer.AddStart();
        for (int set = 0; set < determinizer._hashes.Count; set++)
            determinizer.AddTransitions(set);
        return determinizer._builder.Build();
    }

    /// <summary>The start is not found again: anchors hold there that hold nowhere else.</summary>
    private void AddStart()
    {
        _mark++;
        _nfa.Close(_nfa.Start, atBegin: true, _seen, _mark, _found, _pending);
        if (_search && _found.Contains(RegexNfa.Final))
            KeepFinal();
        Append(_nfa.AcceptsEmpty(), 0);
    }

    private void AddTransitions(int set)
    {
        _touched.Clear();
        _links.Clear();
        for (int i = _offsets[set]; i < _offsets[set + 1]; i++)
        {
            int state = _members[i];
            if (_search && state == RegexNfa.Final)
            {
                _builder.Close(FindFinal());
                return;
            }
            ReadOnlySpan<int> classes = _nfa.ClassesOf(state);
            CountVisits(classes.Length);
            foreach (int c in classes)
            {
                if (_heads[c] < 0)
                    _touched.Add(c);
                _links.Add((_nfa.Next(state), _heads[c]));
                _heads[c] = _links.Count - 1;
            }
        }
        foreach (int c in _touched)
        {
            _mark++;
            _found.Clear();
            for (int link = _heads[c]; link >= 0; link = _links[link].Next)
            {
                CountVisits(
                    1
                        + _nfa.Close(
                            _links[link].State,
                            atBegin: false,
                            _seen,
                            _mark,
                            _found,
                            _pending
                        )
                );
            }
            _heads[c] = -1;
            if (_found.Count > 0)
                _builder.Add(c, Find());
        }
        _builder.Close(-1);
    }

    private void CountVisits(int count)
    {
        _visits += count;
        if (_visits > MaxVisits)
            throw new GrammarException(
                $"the pattern's automaton is too large: its states take more than {MaxVisits} steps to find"
            );
    }

    private int FindFinal()
    {
        KeepFinal();
        return Find();
    }

    private void KeepFinal()
    {
        _found.Clear();
        _found.Add(RegexNfa.Final);
        _mark++;
        _seen[RegexNfa.Final] = _mark;
    }

    /// <summary>The number of the set that was found.</summary>
    private int Find()
    {
        // After the final state anything may come: the others don't matter.
        if (_search && _found.Count > 1 && _found.Contains(RegexNfa.Final))
            KeepFinal();
        // The order of the members does not matter.
        uint hash = 0;
        bool accepts = false;
        foreach (int state in _found)
        {
            uint mixed = (uint)(state + 1) * 0x9E3779B1;
            hash += (mixed ^ (mixed >> 15)) * 0x85EBCA77;
            accepts |= _nfa.IsEndable(state);
        }
        hash ^= hash >> 13;
        if (2 * _hashes.Count >= _table.Length)
            GrowTable();
        int at = (int)hash & (_table.Length - 1);
        for (; _table[at] != 0; at = (at + 1) & (_table.Length - 1))
        {
            int set = _table[at] - 1;
            if (_hashes[set] == (int)hash && IsFound(set))
                return set;
        }
        _table[at] = _hashes.Count + 1;
        return Append(accepts, (int)hash);
    }

    private bool IsFound(int set)
    {
        int from = _offsets[set];
        int to = _offsets[set + 1];
        if (to - from != _found.Count)
            return false;
        // Marked states that are no members, such as forks, are in no set.
        foreach (int state in CollectionsMarshal.AsSpan(_members)[from..to])
        {
            if (_seen[state] != _mark)
                return false;
        }
        return true;
    }

    private int Append(bool accepts, int hash)
    {
        _members.AddRange(_found);
        _offsets.Add(_members.Count);
        _hashes.Add(hash);
        return _builder.AddState(accepts);
    }

    private void GrowTable()
    {
        _table = new int[2 * _table.Length];
        // Not the start.
        for (int set = 1; set < _hashes.Count; set++)
        {
            int at = _hashes[set] & (_table.Length - 1);
            while (_table[at] != 0)
                at = (at + 1) & (_table.Length - 1);
            _table[at] = set + 1;
        }
    }
}
