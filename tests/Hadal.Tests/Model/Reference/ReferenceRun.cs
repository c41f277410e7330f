namespace Hadal.Tests.Model.Reference;

/// <summary>What a run of the reference rounds beside what the formats of weights and caches round.</summary>
internal sealed record ReferenceRun
{
    /// <summary>Nothing.</summary>
    public static ReferenceRun Exact { get; } = new();

    /// <summary>Whether what an operation gives is rounded to BF16, as a model of BF16 activations keeps it.</summary>
    public bool RoundsActivations { get; init; }

    /// <summary>
    /// Whether keys and values are kv_b's product as any linear gives it, its input quantised where the weight is FP8;
    /// else they are of kv_b's own numbers, which the absorbed form multiplies by.
    /// </summary>
    public bool ExpandsKeys { get; init; }

    /// <summary>x in the type of activations.</summary>
    public double Round(double x) => RoundsActivations ? ToBFloat16(x) : x;

    /// <summary>Rounds in place, and returns the same.</summary>
    public double[] Round(double[] x)
    {
        for (int i = 0; RoundsActivations && i < x.Length; i++)
            x[i] = ToBFloat16(x[i]);
        return x;
    }

    /// <summary>To the nearest, ties to even, of the f32 that a kernel has before.</summary>
    private static double ToBFloat16(double x)
    {
        uint bits = BitConverter.SingleToUInt32Bits((float)x);
        uint rounded = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000;
        return BitConverter.UInt32BitsToSingle(rounded);
    }
}
