namespace Hadal.Tests.Model;

/// <summary>e4m3fn from its definition, in double precision.</summary>
internal static class E4M3
{
    public static double Decode(byte code)
    {
        int exponent = (code >> 3) & 15;
        int mantissa = code & 7;
        double magnitude =
            exponent == 0
                ? mantissa * Math.Pow(2, -9)
                : (8 + mantissa) * Math.Pow(2, exponent - 10);
        return (code & 0x80) != 0 ? -magnitude : magnitude;
    }
}
