namespace Hadal;

/// <summary>
/// Finds strings in a text as it comes, after Aho and Corasick: its state is the longest end of the text that begins one of
/// the strings, and a text costs time in proportion to its length, whatever the strings. Immutable.
/// </summary>
internal sealed class StringAutomaton
{
    private readonly Dictionary<(int State, char Next), int> _longer;

    // Of each state; 0 is that of no beginning.
    private readonly List<int> _depths = [0];
    private readonly List<int> _shorter = [0]; // The longest proper end that begins a string too.
    private readonly List<int> _matches = [0]; // The length of the longest string that it ends with, or 0.

    /// <param name="strings">The strings, at least one and none empty.</param>
    public StringAutomaton(IEnumerable<string> strings)
    {
        // Longest first: those that are through are the last. Level by level, as a state looks at those that are shorter.
        string[] open = [.. strings.OrderByDescending(s => s.Length)];
        _longer = new(open[0].Length);
        var states = new int[open.Length];
        int count = open.Length;
        for (int depth = 1; count > 0; depth++)
        {
            for (int i = 0; i < count; i++)
                states[i] = Extend(states[i], open[i][depth - 1]);
            for (; count > 0 && open[count - 1].Length == depth; count--)
                _matches[states[count - 1]] = depth;
        }
    }

    /// <summary>The state after one more character.</summary>
    public int Next(int state, char next)
    {
        int longer;
        while (!_longer.TryGetValue((state, next), out longer) && state != 0)
            state = _shorter[state];
        return longer;
    }

    /// <summary>The length of the longest end of the text that begins a string.</summary>
    public int Depth(int state) => _depths[state];

    /// <summary>The length of the longest string that the text ends with; 0 if with none.</summary>
    public int Match(int state) => _matches[state];

    private int Extend(int state, char next)
    {
        if (_longer.TryGetValue((state, next), out int longer))
            return longer;
        int shorter = state == 0 ? 0 : Next(_shorter[state], next);
        longer = _depths.Count;
        _longer.Add((state, next), longer);
        _depths.Add(_depths[state] + 1);
        _shorter.Add(shorter);
        _matches.Add(_matches[shorter]);
        return longer;
    }
}
