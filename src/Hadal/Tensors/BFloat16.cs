namespace Hadal.Tensors;

/// <summary>bfloat16, of which .NET has no type: the upper half of a binary32.</summary>
internal static class BFloat16
{
    /// <summary>Widens each value, exactly.</summary>
    public static void Widen(ReadOnlySpan<ushort> from, Span<float> to)
    {
        for (int i = 0; i < from.Length; i++)
            to[i] = BitConverter.UInt32BitsToSingle((uint)from[i] << 16);
    }
}
