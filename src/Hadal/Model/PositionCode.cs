using System.Runtime.InteropServices;

namespace Hadal.Model;

/// <summary>Ascending positions as bytes: the difference to the one before, 7 bits a byte, the lowest first.</summary>
internal static class PositionCode
{
    private const int Bits = 7;
    private const int More = 1 << Bits;

    public static byte[] Encode(ReadOnlySpan<int> positions)
    {
        List<byte> code = new(positions.Length + positions.Length / 8);
        int before = 0;
        foreach (int position in positions)
        {
            int difference = position - before;
            for (; difference >= More; difference >>= Bits)
                code.Add((byte)(difference | More));
            code.Add((byte)difference);
            before = position;
        }
        return CollectionsMarshal.AsSpan(code).ToArray();
    }

    public static int[] Decode(ReadOnlySpan<byte> code)
    {
        List<int> positions = new(code.Length);
        (int position, int shift) = (0, 0);
        foreach (byte next in code)
        {
            position += (next & (More - 1)) << shift;
            shift += Bits;
            if (next >= More)
                continue;
            positions.Add(position);
            shift = 0;
        }
        return [.. positions];
    }
}
