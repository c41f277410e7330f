using System.Runtime.InteropServices;

namespace Hadal.Grammars;

/// <summary>
/// Collects the states of an automaton and their transitions, which may lead to states without a way to an accepting one, and
/// makes the automaton without those. State 0 is the start. Not thread-safe.
/// </summary>
/// <param name="classes">The classes of code points.</param>
/// <param name="what">What is built, as the beginning of the message that it is too large; null for no limit.</param>
internal sealed class CharAutomatonBuilder(CharClasses classes, string? what)
{
    public const int MaxStates = 16_384;
    public const int MaxTransitions = 4_000_000;
    private const int MaxMinimized = 2_000;
    private const int MaxMinimizedTable = 500_000;

    private List<bool> _accepts = [];
    private List<int> _otherwise = [];
    private List<int> _offsets = [0];
    private List<int> _classes = [];
    private List<int> _targets = [];

    /// <summary>A new state, whose transitions come later.</summary>
    public int AddState(bool accepts)
    {
        if (what != null && _accepts.Count == MaxStates)
            throw new GrammarException($"{what} is too large: more than {MaxStates} states");
        _accepts.Add(accepts);
        return _accepts.Count - 1;
    }

    /// <summary>A transition of the first state that has not been closed.</summary>
    public void Add(int charClass, int target)
    {
        if (what != null && _classes.Count == MaxTransitions)
            throw new GrammarException($"{what} is too large: over {MaxTransitions} transitions");
        _classes.Add(charClass);
        _targets.Add(target);
    }

    /// <summary>Ends the transitions of a state.</summary>
    /// <param name="otherwise">The target of the classes without a transition; −1 for none.</param>
    public void Close(int otherwise)
    {
        int from = _offsets[^1];
        Span<int> listed = CollectionsMarshal.AsSpan(_classes)[from..];
        Span<int> targets = CollectionsMarshal.AsSpan(_targets)[from..];
        for (int i = 1; i < listed.Length; i++)
        {
            if (listed[i] < listed[i - 1])
            {
                listed.Sort(targets);
                break;
            }
        }
        _otherwise.Add(listed.Length == classes.Count ? -1 : otherwise);
        _offsets.Add(_classes.Count);
    }

    /// <summary>The automaton, minimal if it is not large. All states must be closed.</summary>
    public CharAutomaton Build()
    {
        RemoveDeadStates();
        long table = (long)_accepts.Count * classes.Count;
        if (_accepts.Count is > 1 and <= MaxMinimized && table <= MaxMinimizedTable)
        {
            int[] blocks = StateMinimizer.Blocks(ToDense(), [.. _accepts], classes.Count);
            var first = new List<int>();
            var numbers = new int[blocks.Length];
            Array.Fill(numbers, -1);
            for (int state = 0; state < blocks.Length; state++)
            {
                if (numbers[blocks[state]] < 0)
                {
                    numbers[blocks[state]] = first.Count;
                    first.Add(state);
                }
                blocks[state] = numbers[blocks[state]];
            }
            if (first.Count < blocks.Length)
                Renumber(blocks, first);
        }
        return BuildAsIs();
    }

    /// <summary>The automaton with just the states and transitions that were added, each on a way from the start to an accepting state.</summary>
    public CharAutomaton BuildAsIs() =>
        new(classes, [.. _accepts], [.. _otherwise], [.. _offsets], [.. _classes], [.. _targets]);

    private void RemoveDeadStates()
    {
        bool[] live = FindLive();
        var numbers = new int[live.Length];
        Array.Fill(numbers, -1);
        var order = new List<int>();
        if (live.Length > 0 && live[0])
        {
            numbers[0] = 0;
            order.Add(0);
        }
        for (int i = 0; i < order.Count; i++)
        {
            int state = order[i];
            for (int t = _offsets[state]; t < _offsets[state + 1]; t++)
                Reach(_targets[t]);
            Reach(_otherwise[state]);
        }
        Renumber(numbers, order);

        void Reach(int target)
        {
            if (target < 0 || !live[target] || numbers[target] >= 0)
                return;
            numbers[target] = order.Count;
            order.Add(target);
        }
    }

    /// <summary>Which states have a way to an accepting one.</summary>
    private bool[] FindLive()
    {
        int count = _accepts.Count;
        var into = new int[count + 1];
        foreach (int target in _targets)
        {
            if (target >= 0)
                into[target + 1]++;
        }
        foreach (int target in _otherwise)
        {
            if (target >= 0)
                into[target + 1]++;
        }
        for (int state = 0; state < count; state++)
            into[state + 1] += into[state];
        var sources = new int[into[count]];
        var filled = into.AsSpan(0, count).ToArray();
        for (int state = 0; state < count; state++)
        {
            for (int t = _offsets[state]; t < _offsets[state + 1]; t++)
            {
                if (_targets[t] >= 0)
                    sources[filled[_targets[t]]++] = state;
            }
            if (_otherwise[state] >= 0)
                sources[filled[_otherwise[state]]++] = state;
        }
        var live = new bool[count];
        var pending = new Stack<int>();
        for (int state = 0; state < count; state++)
        {
            if (!_accepts[state] || live[state])
                continue;
            live[state] = true;
            pending.Push(state);
            while (pending.TryPop(out int target))
            {
                for (int i = into[target]; i < into[target + 1]; i++)
                {
                    if (live[sources[i]])
                        continue;
                    live[sources[i]] = true;
                    pending.Push(sources[i]);
                }
            }
        }
        return live;
    }

    /// <summary>Keeps some states in a new order; the numbers map old targets to new ones, −1 for none.</summary>
    private void Renumber(int[] numbers, List<int> kept)
    {
        (List<bool> accepts, List<int> otherwise, List<int> offsets) = (
            _accepts,
            _otherwise,
            _offsets
        );
        (List<int> listed, List<int> targets) = (_classes, _targets);
        _accepts = new(kept.Count);
        _otherwise = new(kept.Count);
        _offsets = new(kept.Count + 1) { 0 };
        _classes = new(listed.Count);
        _targets = new(listed.Count);
        foreach (int state in kept)
        {
            (int from, int to) = (offsets[state], offsets[state + 1]);
            int most = otherwise[state] < 0 ? -1 : numbers[otherwise[state]];
            int old = most;
            most = Majority(CollectionsMarshal.AsSpan(targets)[from..to], numbers, most);
            for (int c = 0, t = from; t < to || (most != old && c < classes.Count); c++)
            {
                if (most == old)
                    c = listed[t];
                bool isListed = t < to && listed[t] == c;
                int target =
                    !isListed ? old
                    : targets[t] < 0 ? -1
                    : numbers[targets[t]];
                t += isListed ? 1 : 0;
                if (target == most)
                    continue;
                _classes.Add(c);
                _targets.Add(target);
            }
            _accepts.Add(accepts[state]);
            _otherwise.Add(most);
            _offsets.Add(_classes.Count);
        }
    }

    /// <summary>The target of more than half of the classes, or the one of those that are not listed if there is none such.</summary>
    private int Majority(ReadOnlySpan<int> targets, int[] numbers, int otherwise)
    {
        int unlisted = classes.Count - targets.Length;
        if (unlisted >= targets.Length)
            return otherwise;
        int candidate = otherwise;
        int votes = unlisted;
        foreach (int target in targets)
        {
            int number = target < 0 ? -1 : numbers[target];
            if (number == candidate)
                votes++;
            else if (votes == 0)
                (candidate, votes) = (number, 1);
            else
                votes--;
        }
        int count = candidate == otherwise ? unlisted : 0;
        foreach (int target in targets)
            count += (target < 0 ? -1 : numbers[target]) == candidate ? 1 : 0;
        return 2 * count > classes.Count ? candidate : otherwise;
    }

    private int[] ToDense()
    {
        var dense = new int[_accepts.Count * classes.Count];
        for (int state = 0; state < _accepts.Count; state++)
        {
            int row = state * classes.Count;
            dense.AsSpan(row, classes.Count).Fill(_otherwise[state]);
            for (int t = _offsets[state]; t < _offsets[state + 1]; t++)
                dense[row + _classes[t]] = _targets[t];
        }
        return dense;
    }
}
