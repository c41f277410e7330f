using System.Numerics;

namespace Hadal.Grammars;

/// <summary>The texts of JSON's numbers within bounds.</summary>
internal static class NumberPatterns
{
    private const int MaxBits = 4000;

    // The classes of code points: all others are class 0.
    private const int Minus = 1;
    private const int Point = 2;
    private const int Zero = 3;

    private static readonly CharClasses s_classes = CharClasses.OfSingles([
        '-',
        '.',
        '0',
        '1',
        '2',
        '3',
        '4',
        '5',
        '6',
        '7',
        '8',
        '9',
    ]);

    private static readonly Lazy<CharAutomaton> s_anyInteger = new(() =>
        RegexAutomaton.Compile("-?(0|[1-9][0-9]*)", search: false)
    );
    private static readonly Lazy<CharAutomaton> s_anyNumber = new(() =>
        RegexAutomaton.Compile(@"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+\-]?[0-9]+)?", search: false)
    );

    /// <summary>Whole numbers without fraction and exponent; <c>-0</c> is one only without bounds.</summary>
    /// <param name="min">The least, or null.</param>
    /// <param name="max">The greatest, or null.</param>
    /// <exception cref="GrammarException">A bound has over 4000 bits.</exception>
    public static CharAutomaton Integer(BigInteger? min, BigInteger? max)
    {
        if (min == null && max == null)
            return s_anyInteger.Value;
        if (min?.GetBitLength() > MaxBits || max?.GetBitLength() > MaxBits)
            throw new GrammarException($"a bound of a number has more than {MaxBits} bits");
        return Between(
            min is { } low ? (ExactDecimal.Of(low), false) : null,
            max is { } high ? (ExactDecimal.Of(high), false) : null,
            integers: true
        );
    }

    /// <summary>Numbers; with a bound those without exponent. <c>-0</c> is as good as <c>0</c>.</summary>
    /// <param name="min">The lower bound and whether it is excluded, or null.</param>
    /// <param name="max">The upper bound and whether it is excluded, or null.</param>
    public static CharAutomaton Number(
        (ExactDecimal Bound, bool Exclusive)? min,
        (ExactDecimal Bound, bool Exclusive)? max
    ) => min == null && max == null ? s_anyNumber.Value : Between(min, max, integers: false);

    private static CharAutomaton Between(
        (ExactDecimal Bound, bool Exclusive)? min,
        (ExactDecimal Bound, bool Exclusive)? max,
        bool integers
    )
    {
        // What the bounds mean for the digits of numbers without a minus, and of those with one.
        CharAutomaton plain = Magnitudes(default, _ => true, integers);
        CharAutomaton negated = integers ? Magnitudes(default, sign => sign > 0, true) : plain;
        if (min is var (low, lowExclusive))
        {
            if (low.Sign >= 0)
                Restrict(ref plain, low, sign => sign > 0 || (sign == 0 && !lowExclusive));
            Restrict(
                ref negated,
                low,
                sign => low.Sign <= 0 && (sign < 0 || (sign == 0 && !lowExclusive))
            );
        }
        if (max is var (high, highExclusive))
        {
            Restrict(
                ref plain,
                high,
                sign => high.Sign >= 0 && (sign < 0 || (sign == 0 && !highExclusive))
            );
            if (high.Sign <= 0)
                Restrict(ref negated, high, sign => sign > 0 || (sign == 0 && !highExclusive));
        }
        return Signed(plain, negated);

        void Restrict(ref CharAutomaton digits, ExactDecimal bound, Predicate<int> accepts) =>
            digits = CharAutomaton.Intersect(digits, Magnitudes(bound, accepts, integers));
    }

    /// <summary>Numbers without sign whose comparison with a bound's absolute value comes out as wanted.</summary>
    /// <param name="bound">The bound.</param>
    /// <param name="accepts">Whether a number is accepted that is less (−1), equal (0) or greater (1).</param>
    /// <param name="integers">Whether there is no fraction.</param>
    private static CharAutomaton Magnitudes(
        ExactDecimal bound,
        Predicate<int> accepts,
        bool integers
    )
    {
        (string whole, string fraction) = bound.Digits();
        var builder = new CharAutomatonBuilder(s_classes, "the automaton of a number's bounds");
        var numbers = new Dictionary<Progress, int>();
        var states = new List<Progress>();
        Find(default);
        for (int i = 0; i < states.Count; i++)
        {
            Progress state = states[i];
            for (int digit = 0; digit < 10 && !state.IsZero; digit++)
                builder.Add(Zero + digit, Find(After(state, digit)));
            if (!integers && state.Fraction == null && state.Whole > 0)
                builder.Add(Point, Find(new(state.Whole, 0, CompareWhole(state), false, true)));
            builder.Close(-1);
        }
        return builder.Build();

        int Find(Progress state)
        {
            if (numbers.TryGetValue(state, out int number))
                return number;
            int sign = state.Fraction == null ? CompareWhole(state) : state.Sign;
            if (sign == 0 && (state.Fraction ?? 0) < fraction.Length)
                sign = -1;
            bool isWhole = state.Whole > 0 && !state.NeedsDigit;
            number = builder.AddState(isWhole && accepts(sign));
            numbers.Add(state, number);
            states.Add(state);
            return number;
        }

        int CompareWhole(Progress state)
        {
            int longer = state.Whole.CompareTo(whole.Length);
            return longer != 0 ? longer : state.Sign;
        }

        Progress After(Progress state, int digit)
        {
            bool inWhole = state.Fraction == null;
            string expected = inWhole ? whole : fraction;
            int at = state.Fraction ?? state.Whole;
            int sign = state.Sign;
            if (sign == 0)
                sign = digit.CompareTo(at < expected.Length ? expected[at] - '0' : 0);
            if (!inWhole)
            {
                // The number of digits matters no longer once the comparison is decided.
                int count = sign == 0 ? Math.Min(at + 1, expected.Length) : 0;
                return new(state.Whole, count, sign, false, false);
            }
            bool isZero = at == 0 && digit == 0;
            // More digits than the bound has: greater, whatever they are.
            return at < expected.Length
                ? new(at + 1, null, sign, isZero, false)
                : new(expected.Length + 1, null, 1, false, false);
        }
    }

    /// <summary>Texts of one automaton, or a minus and a text of another.</summary>
    private static CharAutomaton Signed(CharAutomaton plain, CharAutomaton negated)
    {
        var builder = new CharAutomatonBuilder(s_classes, "the automaton of a number's bounds");
        builder.AddState(accepts: false);
        if (!plain.IsEmpty)
            AddRow(plain, plain.Start, 1);
        if (!negated.IsEmpty)
            builder.Add(Minus, 1 + plain.StateCount + negated.Start);
        builder.Close(-1);
        AddAll(plain, 1);
        AddAll(negated, 1 + plain.StateCount);
        return builder.Build();

        void AddAll(CharAutomaton part, int first)
        {
            for (int state = 0; state < part.StateCount; state++)
            {
                builder.AddState(part.Accepts(state));
                AddRow(part, state, first);
                builder.Close(-1);
            }
        }

        void AddRow(CharAutomaton part, int state, int first)
        {
            for (int c = 0; c < s_classes.Count; c++)
            {
                if (part.Next(state, c) is >= 0 and var target)
                    builder.Add(c, first + target);
            }
        }
    }

    /// <summary>What has been read of a number.</summary>
    /// <param name="Whole">How many digits before the point, at most one more than the bound's.</param>
    /// <param name="Fraction">How many digits of the bound's fraction have come; null before the point.</param>
    /// <param name="Sign">How the digits compare with as many of the bound: −1, 0 or 1.</param>
    /// <param name="IsZero">Whether the part before the point is zero, after which comes no digit.</param>
    /// <param name="NeedsDigit">Whether the point came last.</param>
    private readonly record struct Progress(
        int Whole,
        int? Fraction,
        int Sign,
        bool IsZero,
        bool NeedsDigit
    );
}
