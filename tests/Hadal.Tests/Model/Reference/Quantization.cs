namespace Hadal.Tests.Model.Reference;

/// <summary>The quantisation of activations per 128 values (numerics of DeepSeek's act_quant kernel).</summary>
internal static class Quantization
{
    private static readonly double[] s_magnitudes =
    [
        .. Enumerable.Range(0, 0x7f).Select(static code => E4M3.Decode((byte)code)),
    ];

    /// <summary>x, quantised per 128 values and expanded again.</summary>
    public static double[] RoundTrip(ReadOnlySpan<double> x, bool scalesArePowersOfTwo)
    {
        var result = new double[x.Length];
        for (int block = 0; block < x.Length; block += 128)
        {
            float largest = 1e-4f;
            for (int i = block; i < block + 128; i++)
                largest = Math.Max(largest, Math.Abs((float)x[i]));
            float scale = largest * (1f / 448);
            if (scalesArePowersOfTwo)
                scale = (float)Math.Pow(2, Math.Ceiling(Math.Log2(scale)));
            for (int i = block; i < block + 128; i++)
                result[i] = Nearest((float)x[i] / scale) * (double)scale;
        }
        return result;
    }

    /// <summary>The nearest e4m3 value, ties to the even code, at most 448.</summary>
    private static double Nearest(float x)
    {
        double magnitude = Math.Min(Math.Abs(x), 448);
        int code = Array.BinarySearch(s_magnitudes, magnitude);
        if (code < 0)
        {
            int above = ~code;
            double up = s_magnitudes[above] - magnitude;
            double down = magnitude - s_magnitudes[above - 1];
            code = up < down || (up == down && above % 2 == 0) ? above : above - 1;
        }
        return Math.CopySign(s_magnitudes[code], x);
    }
}
