namespace Hadal.Tests.Model;

/// <summary>e4m3fn and the quantisation of activations, from their definitions, in double precision.</summary>
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

    /// <summary>x, quantised per 128 values with a power-of-two scale, and expanded again.</summary>
    public static double[] RoundTrip(ReadOnlySpan<double> x)
    {
        var result = new double[x.Length];
        for (int block = 0; block < x.Length; block += 128)
        {
            double largest = 1e-4;
            for (int i = block; i < block + 128; i++)
                largest = Math.Max(largest, Math.Abs(x[i]));
            double scale = Math.Pow(2, Math.Ceiling(Math.Log2(largest / 448)));
            for (int i = block; i < block + 128; i++)
                result[i] = Nearest(x[i] / scale) * scale;
        }
        return result;
    }

    private static double Nearest(double x)
    {
        byte best = 0;
        for (byte code = 1; code < 0x7f; code++)
        {
            double difference =
                Math.Abs(Decode(code) - Math.Abs(x)) - Math.Abs(Decode(best) - Math.Abs(x));
            if (difference < 0 || (difference == 0 && code % 2 == 0))
                best = code;
        }
        return Math.CopySign(Decode(best), x);
    }
}
