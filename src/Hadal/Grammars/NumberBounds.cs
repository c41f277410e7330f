using System.Numerics;

namespace Hadal.Grammars;

/// <summary>Bounds of a number. Immutable.</summary>
internal sealed class NumberBounds
{
    private readonly (ExactDecimal Bound, bool Exclusive)? _min;
    private readonly (ExactDecimal Bound, bool Exclusive)? _max;

    private NumberBounds(
        (ExactDecimal Bound, bool Exclusive)? min,
        (ExactDecimal Bound, bool Exclusive)? max
    )
    {
        _min = min;
        _max = max;
    }

    /// <summary>No bounds.</summary>
    public static NumberBounds None { get; } = new(null, null);

    private CharAutomaton Integers =>
        field ??= NumberPatterns.Integer(
            _min is var (low, lowExclusive)
                ? lowExclusive
                    ? low.Floor() + 1
                    : low.Ceiling()
                : null,
            _max is var (high, highExclusive)
                ? highExclusive
                    ? high.Ceiling() - 1
                    : high.Floor()
                : null
        );

    private CharAutomaton Numbers => field ??= NumberPatterns.Number(_min, _max);

    public NumberBounds Above(ExactDecimal bound, bool isExclusive) =>
        new(Stricter(_min, (bound, isExclusive), sign: 1), _max);

    public NumberBounds Below(ExactDecimal bound, bool isExclusive) =>
        new(_min, Stricter(_max, (bound, isExclusive), sign: -1));

    /// <summary>Both bounds.</summary>
    public NumberBounds And(NumberBounds other) =>
        other == None ? this
        : this == None ? other
        : new(
            other._min is { } min ? Stricter(_min, min, sign: 1) : _min,
            other._max is { } max ? Stricter(_max, max, sign: -1) : _max
        );

    public bool Contain(ExactDecimal number) =>
        (_min is not var (low, lowExclusive) || number.CompareTo(low) >= (lowExclusive ? 1 : 0))
        && (
            _max is not var (high, highExclusive)
            || number.CompareTo(high) <= (highExclusive ? -1 : 0)
        );

    /// <summary>The texts of the numbers within them.</summary>
    public CharAutomaton Automaton(bool isInteger) => isInteger ? Integers : Numbers;

    private static (ExactDecimal, bool) Stricter(
        (ExactDecimal Bound, bool Exclusive)? some,
        (ExactDecimal Bound, bool Exclusive) other,
        int sign
    )
    {
        if (some is not { } known)
            return other;
        int order = known.Bound.CompareTo(other.Bound) * sign;
        return order > 0 || (order == 0 && known.Exclusive) ? known : other;
    }
}
