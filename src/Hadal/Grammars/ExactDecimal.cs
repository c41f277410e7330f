using System.Globalization;
using System.Numerics;

namespace Hadal.Grammars;

/// <summary>The number <paramref name="Mantissa"/> · 10^<paramref name="Exponent"/>. The mantissa has no zeros at its end.</summary>
internal readonly record struct ExactDecimal(BigInteger Mantissa, int Exponent)
    : IComparable<ExactDecimal>
{
    private const int MaxLength = 1000;
    private const int MaxExponent = 400;

    public bool IsInteger => Exponent >= 0;

    public int Sign => Mantissa.Sign;

    /// <summary>A whole number.</summary>
    public static ExactDecimal Of(BigInteger number) => Normal(number, 0);

    /// <summary>Reads a number as JSON writes them.</summary>
    /// <param name="json">The text of the number.</param>
    /// <exception cref="GrammarException">It has over 1000 characters, or an exponent beyond ±400.</exception>
    public static ExactDecimal Parse(ReadOnlySpan<char> json)
    {
        if (json.Length > MaxLength)
            throw new GrammarException(
                $"a number of {json.Length} characters, more than {MaxLength}"
            );
        int exponent = 0;
        int e = json.IndexOfAny('e', 'E');
        ReadOnlySpan<char> digits = e < 0 ? json : json[..e];
        if (e >= 0)
        {
            var written = BigInteger.Parse(json[(e + 1)..], CultureInfo.InvariantCulture);
            if (BigInteger.Abs(written) > MaxExponent)
                throw new GrammarException(
                    $"the number '{QuotedText.Shorten(json.ToString())}' has an exponent beyond ±{MaxExponent}"
                );
            exponent = (int)written;
        }
        int point = digits.IndexOf('.');
        if (point < 0)
            return Normal(BigInteger.Parse(digits, CultureInfo.InvariantCulture), exponent);
        string joined = string.Concat(digits[..point], digits[(point + 1)..]);
        return Normal(
            BigInteger.Parse(joined, CultureInfo.InvariantCulture),
            exponent - (digits.Length - point - 1)
        );
    }

    public int CompareTo(ExactDecimal other)
    {
        int least = Math.Min(Exponent, other.Exponent);
        return (Mantissa * BigInteger.Pow(10, Exponent - least)).CompareTo(
            other.Mantissa * BigInteger.Pow(10, other.Exponent - least)
        );
    }

    public ExactDecimal Abs() => this with { Mantissa = BigInteger.Abs(Mantissa) };

    /// <summary>The greatest whole number that is not greater.</summary>
    public BigInteger Floor()
    {
        if (IsInteger)
            return Mantissa * BigInteger.Pow(10, Exponent);
        BigInteger quotient = BigInteger.DivRem(
            Mantissa,
            BigInteger.Pow(10, -Exponent),
            out BigInteger rest
        );
        return rest.Sign < 0 ? quotient - 1 : quotient;
    }

    /// <summary>The least whole number that is not less.</summary>
    public BigInteger Ceiling() => -new ExactDecimal(-Mantissa, Exponent).Floor();

    /// <summary>The digits of the absolute value before the point, at least one, and those behind it, the last not zero.</summary>
    public (string Whole, string Fraction) Digits()
    {
        string digits = BigInteger.Abs(Mantissa).ToString(CultureInfo.InvariantCulture);
        if (Exponent >= 0)
            return (digits + new string('0', Exponent), "");
        digits = digits.PadLeft(1 - Exponent, '0');
        return (digits[..^-Exponent], digits[^-Exponent..]);
    }

    private static ExactDecimal Normal(BigInteger mantissa, int exponent)
    {
        if (mantissa.IsZero)
            return new(0, 0);
        for (; mantissa % 10 == 0; exponent++)
            mantissa /= 10;
        return new(mantissa, exponent);
    }
}
