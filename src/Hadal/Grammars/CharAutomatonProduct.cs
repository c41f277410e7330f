namespace Hadal.Grammars;

/// <summary>Automata made from others.</summary>
internal static class CharAutomatonProduct
{
    /// <summary>The texts that both accept.</summary>
    /// <exception cref="GrammarException">It would be too large.</exception>
    public static CharAutomaton Intersect(CharAutomaton a, CharAutomaton b) =>
        new Intersection(a, b).Build();

    /// <summary>The texts, without lone surrogates, that an automaton does not accept.</summary>
    public static CharAutomaton Complement(CharAutomaton a)
    {
        var builder = new CharAutomatonBuilder(a.Classes, null);
        for (int state = 0; state < a.StateCount; state++)
            builder.AddState(!a.Accepts(state));
        int anything = builder.AddState(accepts: true);
        for (int state = 0; state < a.StateCount; state++)
        {
            ReadOnlySpan<int> targets = a.ListedTargets(state);
            ReadOnlySpan<int> classes = a.ListedClasses(state);
            for (int i = 0; i < classes.Length; i++)
                builder.Add(classes[i], targets[i] < 0 ? anything : targets[i]);
            builder.Close(a.Otherwise(state) < 0 ? anything : a.Otherwise(state));
        }
        builder.Close(anything);
        return builder.Build();
    }

    /// <summary>The texts of an automaton with at least <paramref name="min"/> and at most <paramref name="max"/> code points.</summary>
    /// <exception cref="GrammarException">It would be too large.</exception>
    public static CharAutomaton WithLength(CharAutomaton a, int min, int? max)
    {
        var builder = new CharAutomatonBuilder(
            a.Classes,
            "the automaton of a text with limits of its length"
        );
        // Without an upper limit the count stays at the lower one.
        int last = max ?? min;
        var numbers = new Dictionary<(int State, int Length), int>();
        var pairs = new List<(int State, int Length)>();
        if (!a.IsEmpty && min <= last)
            Find(a.Start, 0);
        for (int i = 0; i < pairs.Count; i++)
        {
            (int state, int length) = pairs[i];
            ReadOnlySpan<int> targets = a.ListedTargets(state);
            ReadOnlySpan<int> classes = a.ListedClasses(state);
            for (int t = 0; t < targets.Length; t++)
                builder.Add(classes[t], Find(targets[t], length + 1));
            builder.Close(Find(a.Otherwise(state), length + 1));
        }
        return builder.Build();

        int Find(int state, int length)
        {
            if (state < 0 || (max != null && length > last))
                return -1;
            length = Math.Min(length, last);
            if (!numbers.TryGetValue((state, length), out int number))
            {
                number = builder.AddState(a.Accepts(state) && length >= min);
                numbers.Add((state, length), number);
                pairs.Add((state, length));
            }
            return number;
        }
    }

    private sealed class Intersection
    {
        private readonly CharAutomaton _a;
        private readonly CharAutomaton _b;

        /// <summary>The classes of both, and for each the classes of a and b that it lies in.</summary>
        private readonly CharClasses _classes;
        private readonly List<(int A, int B)> _parents;

        /// <summary>For each class of a, or b, those that lie in it.</summary>
        private readonly List<int>[] _insideA;
        private readonly List<int>[] _insideB;
        private readonly CharAutomatonBuilder _builder;
        private readonly Dictionary<(int A, int B), int> _numbers = [];
        private readonly List<(int A, int B)> _pairs = [];

        public Intersection(CharAutomaton a, CharAutomaton b)
        {
            (_a, _b) = (a, b);
            _classes = CharClasses.Combine(a.Classes, b.Classes, out _parents);
            _insideA = new List<int>[a.ClassCount];
            _insideB = new List<int>[b.ClassCount];
            for (int c = 0; c < _parents.Count; c++)
            {
                (_insideA[_parents[c].A] ??= []).Add(c);
                (_insideB[_parents[c].B] ??= []).Add(c);
            }
            _builder = new CharAutomatonBuilder(_classes, "the intersection of two automata");
        }

        public CharAutomaton Build()
        {
            var added = new int[_classes.Count];
            if (!_a.IsEmpty && !_b.IsEmpty)
                Find(_a.Start, _b.Start);
            for (int i = 0; i < _pairs.Count; i++)
            {
                (int a, int b) = _pairs[i];
                // A class that neither lists leads to the pair of the other targets. If one of those is none, the lists of its
                // automaton are all that can lead on.
                if (_b.Otherwise(b) >= 0 || _a.Otherwise(a) < 0)
                    Add(_a.ListedClasses(a), _insideA, added, i);
                if (_a.Otherwise(a) >= 0)
                    Add(_b.ListedClasses(b), _insideB, added, i);
                _builder.Close(Find(_a.Otherwise(a), _b.Otherwise(b)));
            }
            return _builder.Build();
        }

        private void Add(ReadOnlySpan<int> listed, List<int>[] inside, int[] added, int pair)
        {
            (int a, int b) = _pairs[pair];
            foreach (int parent in listed)
            {
                foreach (int c in inside[parent])
                {
                    if (added[c] == pair + 1)
                        continue;
                    added[c] = pair + 1;
                    _builder.Add(c, Find(_a.Next(a, _parents[c].A), _b.Next(b, _parents[c].B)));
                }
            }
        }

        private int Find(int a, int b)
        {
            if (a < 0 || b < 0)
                return -1;
            if (!_numbers.TryGetValue((a, b), out int number))
            {
                number = _builder.AddState(_a.Accepts(a) && _b.Accepts(b));
                _numbers.Add((a, b), number);
                _pairs.Add((a, b));
            }
            return number;
        }
    }
}
