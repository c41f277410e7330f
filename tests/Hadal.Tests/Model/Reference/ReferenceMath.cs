using System.Numerics;

namespace Hadal.Tests.Model.Reference;

/// <summary>The small operations of the reference.</summary>
internal static class ReferenceMath
{
    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        int width = Vector<double>.Count;
        var sums = Vector<double>.Zero;
        int i = 0;
        for (; i <= a.Length - width; i += width)
            sums += new Vector<double>(a[i..]) * new Vector<double>(b[i..]);
        double sum = Vector.Sum(sums);
        for (; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }

    /// <summary>y += scale · x.</summary>
    public static void AddScaled(Span<double> y, double scale, ReadOnlySpan<double> x)
    {
        for (int i = 0; i < y.Length; i++)
            y[i] += scale * x[i];
    }

    public static double[] RmsNorm(ReadOnlySpan<double> x, double[] weight, double epsilon)
    {
        double scale = 1 / Math.Sqrt(Dot(x, x) / x.Length + epsilon);
        var result = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
            result[i] = x[i] * scale * weight[i];
        return result;
    }

    public static double[] LayerNorm(
        ReadOnlySpan<double> x,
        double[] weight,
        double[] bias,
        double epsilon
    )
    {
        double mean = 0;
        foreach (double value in x)
            mean += value / x.Length;
        double variance = 0;
        foreach (double value in x)
            variance += (value - mean) * (value - mean) / x.Length;
        var result = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
            result[i] = (x[i] - mean) / Math.Sqrt(variance + epsilon) * weight[i] + bias[i];
        return result;
    }

    /// <summary>
    /// Turns x by its position: pairs (2i, 2i + 1), or (i, i + half). The angle is rounded to f32, as in the reference.
    /// </summary>
    public static void Rotate(Span<double> x, float[] frequencies, int position, bool interleaved)
    {
        for (int i = 0; i < frequencies.Length; i++)
        {
            double angle = (float)(position * frequencies[i]);
            double cos = (float)Math.Cos(angle);
            double sin = (float)Math.Sin(angle);
            int first = interleaved ? 2 * i : i;
            int second = interleaved ? 2 * i + 1 : i + frequencies.Length;
            (x[first], x[second]) = (
                x[first] * cos - x[second] * sin,
                x[first] * sin + x[second] * cos
            );
        }
    }

    /// <summary>The Hadamard transform in natural order, times n^-0.5.</summary>
    public static double[] Hadamard(ReadOnlySpan<double> x)
    {
        double[] result = x.ToArray();
        for (int half = 1; half < result.Length; half *= 2)
        {
            for (int i = 0; i < result.Length; i++)
            {
                if ((i & half) == 0)
                    (result[i], result[i + half]) = (
                        result[i] + result[i + half],
                        result[i] - result[i + half]
                    );
            }
        }
        foreach (ref double value in result.AsSpan())
            value /= Math.Sqrt(x.Length);
        return result;
    }

    /// <summary>The positions of the largest scores: score descending, then position ascending; returned ascending.</summary>
    public static int[] Largest(double[] scores, int count) =>
        [
            .. Enumerable
                .Range(0, scores.Length)
                .OrderByDescending(i => scores[i])
                .ThenBy(static i => i)
                .Take(count)
                .Order(),
        ];
}
