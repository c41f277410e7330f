using System.Buffers;
using System.Text;

namespace Hadal.Grammars;

/// <summary>
/// A deterministic automaton over Unicode code points. From each state an accepting one can be reached; an automaton that
/// accepts no text has no states. Immutable, thread-safe.
/// </summary>
internal sealed class CharAutomaton
{
    private const int MaxDense = 1 << 16;

    private readonly CharClasses _classes;
    private readonly bool[] _accepts;
    private readonly int[] _otherwise;
    private readonly int[] _offsets;
    private readonly int[] _listedClasses;
    private readonly int[] _listedTargets;

    /// <summary>[state × classes + class], for small automata.</summary>
    private readonly int[]? _dense;

    /// <param name="classes">The classes.</param>
    /// <param name="accepts">For each state whether a text may end there; state 0 is the start.</param>
    /// <param name="otherwise">For each state the target of the classes that are not listed; −1 for none.</param>
    /// <param name="offsets">Where a state's list begins, and one more.</param>
    /// <param name="listedClasses">The states' lists, ascending in each.</param>
    /// <param name="listedTargets">The targets of the listed classes; −1 for none.</param>
    public CharAutomaton(
        CharClasses classes,
        bool[] accepts,
        int[] otherwise,
        int[] offsets,
        int[] listedClasses,
        int[] listedTargets
    )
    {
        _classes = classes;
        _accepts = accepts;
        _otherwise = otherwise;
        _offsets = offsets;
        _listedClasses = listedClasses;
        _listedTargets = listedTargets;
        if ((long)accepts.Length * classes.Count <= MaxDense)
            _dense = ToDense();
    }

    /// <summary>All texts.</summary>
    public static CharAutomaton Anything { get; } =
        new(CharClasses.One, [true], [0], [0, 0], [], []);

    public int StateCount => _accepts.Length;

    /// <summary>The state before the first character; −1 if no text is accepted.</summary>
    public int Start => IsEmpty ? -1 : 0;

    /// <summary>Whether no text is accepted.</summary>
    public bool IsEmpty => _accepts.Length == 0;

    public CharClasses Classes => _classes;

    public int ClassCount => _classes.Count;

    /// <summary>The classes of ranges of code points: ascending, all code points but the surrogates.</summary>
    public ReadOnlySpan<(int First, int Last, int Class)> Ranges => _classes.Ranges;

    public static CharAutomaton Intersect(CharAutomaton a, CharAutomaton b) =>
        CharAutomatonProduct.Intersect(a, b);

    /// <summary>The texts that <paramref name="a"/> does not accept.</summary>
    public static CharAutomaton Complement(CharAutomaton a) => CharAutomatonProduct.Complement(a);

    /// <summary>The texts of <paramref name="a"/> with at least so many and at most so many code points.</summary>
    public static CharAutomaton WithLength(CharAutomaton a, int min, int? max) =>
        CharAutomatonProduct.WithLength(a, min, max);

    public static CharAutomaton FromLiterals(IEnumerable<string> literals) =>
        CharTrie.Build(literals);

    /// <summary>All texts but these.</summary>
    public static CharAutomaton NotLiterals(IEnumerable<string> literals) =>
        Complement(CharTrie.Build(literals));

    /// <summary>The texts that don't contain another.</summary>
    public static CharAutomaton Avoiding(string text) => CharTrie.Avoiding(text);

    public bool Accepts(int state) => _accepts[state];

    /// <summary>The class of a code point; −1 for a surrogate.</summary>
    public int ClassOf(int codePoint) => _classes.Of(codePoint);

    /// <summary>The state after a character of a class; −1 if no accepted text goes on so.</summary>
    public int Next(int state, int charClass)
    {
        if (_dense is { } dense)
            return dense[state * _classes.Count + charClass];
        int at = ListedClasses(state).BinarySearch(charClass);
        return at >= 0 ? _listedTargets[_offsets[state] + at] : _otherwise[state];
    }

    /// <summary>Whether any characters may follow a state, and the text may end anywhere: it leads to itself alone, and accepts.</summary>
    public bool IsAnything(int state) =>
        _accepts[state]
        && _otherwise[state] == state
        && ListedTargets(state).IndexOfAnyExcept(state) < 0;

    /// <summary>The target of the classes that <see cref="ListedClasses"/> has not; −1 for none.</summary>
    public int Otherwise(int state) => _otherwise[state];

    /// <summary>The classes, ascending, whose target is not <see cref="Otherwise"/>.</summary>
    public ReadOnlySpan<int> ListedClasses(int state) =>
        _listedClasses.AsSpan(_offsets[state].._offsets[state + 1]);

    /// <summary>The targets of <see cref="ListedClasses"/>, in the same order; −1 for none.</summary>
    public ReadOnlySpan<int> ListedTargets(int state) =>
        _listedTargets.AsSpan(_offsets[state].._offsets[state + 1]);

    /// <summary>Whether a whole text is accepted. One with half of a surrogate pair never is.</summary>
    public bool Matches(string text)
    {
        int state = Start;
        for (int i = 0; i < text.Length && state >= 0; )
        {
            if (
                Rune.DecodeFromUtf16(text.AsSpan(i), out Rune rune, out int length)
                != OperationStatus.Done
            )
                return false;
            state = Next(state, ClassOf(rune.Value));
            i += length;
        }
        return state >= 0 && _accepts[state];
    }

    private int[] ToDense()
    {
        int count = _classes.Count;
        var dense = new int[_accepts.Length * count];
        for (int state = 0; state < _accepts.Length; state++)
        {
            dense.AsSpan(state * count, count).Fill(_otherwise[state]);
            for (int i = _offsets[state]; i < _offsets[state + 1]; i++)
                dense[state * count + _listedClasses[i]] = _listedTargets[i];
        }
        return dense;
    }
}
