using System.Numerics;
using System.Runtime.InteropServices;

namespace Hadal.Generation;

/// <summary>Vectorised passes over logits.</summary>
internal static class LogitScan
{
    /// <summary>The greatest logit. NaN and +∞ are refused, and so is −∞ everywhere.</summary>
    /// <exception cref="SamplingException">The logits are not usable.</exception>
    public static float Max(ReadOnlySpan<float> logits)
    {
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(logits);
        var best = new Vector<float>(float.NegativeInfinity);
        Vector<int> ordered = Vector<int>.AllBitsSet;
        foreach (Vector<float> v in vectors)
        {
            best = Vector.ConditionalSelect(Vector.GreaterThan(v, best), v, best);
            ordered &= Vector.Equals(v, v);
        }
        float max = float.NegativeInfinity;
        for (int i = 0; i < Vector<float>.Count; i++)
            max = Math.Max(max, best[i]);
        bool hasNaN = ordered != Vector<int>.AllBitsSet;
        foreach (float logit in logits[(vectors.Length * Vector<float>.Count)..])
        {
            hasNaN |= float.IsNaN(logit);
            max = logit > max ? logit : max;
        }
        if (hasNaN || float.IsInfinity(max))
            throw Unusable(logits, hasNaN, max);
        return max;
    }

    /// <summary>The lowest index that holds <paramref name="value"/> (−0 equals +0), or −1.</summary>
    public static int IndexOf(ReadOnlySpan<float> logits, float value)
    {
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(logits);
        var wanted = new Vector<float>(value);
        int i = 0;
        while (i < vectors.Length && !Vector.EqualsAny(vectors[i], wanted))
            i++;
        for (i *= Vector<float>.Count; i < logits.Length; i++)
        {
            if (logits[i] == value)
                return i;
        }
        return -1;
    }

    /// <summary>Makes the logits of all tokens −∞ but of those allowed.</summary>
    /// <param name="logits">f32 [vocabulary].</param>
    /// <param name="allowed">Bit id % 64 of word id / 64; tokens beyond it are not allowed.</param>
    public static void KeepAllowed(Span<float> logits, ReadOnlySpan<ulong> allowed)
    {
        Span<float> kept = stackalloc float[64];
        for (int word = 0; word * 64 < logits.Length; word++)
        {
            ulong bits = word < allowed.Length ? allowed[word] : 0;
            if (bits == ulong.MaxValue)
                continue;
            Span<float> own = logits[(word * 64)..Math.Min(word * 64 + 64, logits.Length)];
            if (own.Length < 64)
                bits &= (1UL << own.Length) - 1;
            int count = 0;
            for (ulong rest = bits; rest != 0; rest &= rest - 1)
                kept[count++] = own[BitOperations.TrailingZeroCount(rest)];
            own.Fill(float.NegativeInfinity);
            count = 0;
            for (ulong rest = bits; rest != 0; rest &= rest - 1)
                own[BitOperations.TrailingZeroCount(rest)] = kept[count++];
        }
    }

    private static SamplingException Unusable(ReadOnlySpan<float> logits, bool hasNaN, float max)
    {
        if (!hasNaN && max < 0)
            return new SamplingException(
                $"All {logits.Length} logits are -Infinity; one at least must be finite"
            );
        int at = 0;
        while (hasNaN ? !float.IsNaN(logits[at]) : logits[at] != max)
            at++;
        return new SamplingException(
            $"The logit of token {at} is {(hasNaN ? "NaN" : "+Infinity")}; logits must be finite, or -Infinity for tokens ruled out"
        );
    }
}
