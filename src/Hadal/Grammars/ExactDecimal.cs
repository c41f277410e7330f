using System.Globalization;
using System.Numerics;

namespace Hadal.Grammars;

/// <summary>STUB</summary>
internal sealed record ExactDecimal(BigInteger Mantissa, int Exponent)
{
    public bool IsInteger => Exponent >= 0;
    public static ExactDecimal Parse(string text)
    {
        int e = 0;
        int at = text.IndexOfAny(['e', 'E']);
        if (at >= 0) { e = int.Parse(text.AsSpan(at + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture); text = text[..at]; }
        int dot = text.IndexOf('.');
        if (dot >= 0) { e -= text.Length - dot - 1; text = text.Remove(dot, 1); }
        var m = BigInteger.Parse(text, CultureInfo.InvariantCulture);
        while (m != 0 && m % 10 == 0) { m /= 10; e++; }
        if (m == 0) e = 0;
        return new(m, e);
    }
    public override string ToString() => (Mantissa * BigInteger.Pow(10, Exponent)).ToString(CultureInfo.InvariantCulture);
}
