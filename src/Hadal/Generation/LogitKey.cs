using System.Runtime.CompilerServices;

namespace Hadal.Generation;

/// <summary>
/// A logit and its token id in one integer that sorts as the sampler ranks: logit descending, then id ascending. The
/// high half holds the logit's bits made monotone and inverted, the low half the id. −0 and +0 are equal.
/// </summary>
internal static class LogitKey
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Of(float logit, int id)
    {
        int bits = BitConverter.SingleToInt32Bits(logit + 0f); // −0 + 0 = +0
        uint ascending = (uint)(bits ^ ((bits >> 31) | int.MinValue));
        return ((ulong)~ascending << 32) | (uint)id;
    }

    public static int Id(ulong key) => (int)(uint)key;

    public static float Logit(ulong key)
    {
        int ascending = (int)~(uint)(key >> 32);
        return BitConverter.Int32BitsToSingle(
            ascending < 0 ? ascending ^ int.MinValue : ~ascending
        );
    }

    /// <summary>Moves the <paramref name="count"/> smallest keys (the best ranked) to the front, in no order.</summary>
    public static void SelectFirst(Span<ulong> keys, int count)
    {
        int low = 0;
        int high = keys.Length - 1;
        // Bounds the work where the pivots are bad; sorting then ends it.
        int rounds = 2 * (int.Log2(Math.Max(1, keys.Length)) + 1);
        while (low < high)
        {
            if (rounds-- == 0)
            {
                keys[low..(high + 1)].Sort();
                return;
            }
            ulong pivot = Median(keys[low], keys[low + (high - low) / 2], keys[high]);
            int i = low;
            int j = high;
            while (i <= j)
            {
                while (keys[i] < pivot)
                    i++;
                while (keys[j] > pivot)
                    j--;
                if (i <= j)
                {
                    (keys[i], keys[j]) = (keys[j], keys[i]);
                    i++;
                    j--;
                }
            }
            if (count - 1 <= j)
                high = j;
            else if (count - 1 >= i)
                low = i;
            else
                return;
        }
    }

    private static ulong Median(ulong a, ulong b, ulong c) =>
        Math.Max(Math.Min(a, b), Math.Min(Math.Max(a, b), c));
}
