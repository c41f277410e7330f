namespace Hadal.Cli.Synthesis;

/// <summary>Encodes finite numbers to the nearest value of a narrow type, ties to even.</summary>
internal static class Encoding
{
    /// <summary>The largest e4m3 value.</summary>
    public const float LargestE4M3 = 448;

    private const int LargestE4M3Code = 0x7e;

    public static ushort BFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>e4m3fn; beyond the largest value, that.</summary>
    public static byte E4M3(float value)
    {
        float magnitude = MathF.Abs(value);
        int low = 0;
        int high = LargestE4M3Code;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            if (E4M3Magnitude(middle) <= magnitude)
                low = middle;
            else
                high = middle;
        }
        float below = magnitude - E4M3Magnitude(low);
        float above = E4M3Magnitude(high) - magnitude;
        int code = below < above || (below == above && low % 2 == 0) ? low : high;
        return (byte)(code | (value < 0 ? 0x80 : 0));
    }

    /// <summary>The value of a code without its sign.</summary>
    public static float E4M3Magnitude(int code)
    {
        int exponent = code >> 3;
        int mantissa = code & 7;
        return exponent == 0
            ? MathF.ScaleB(mantissa, -9)
            : MathF.ScaleB(8 + mantissa, exponent - 10);
    }
}
