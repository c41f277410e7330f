using System.Buffers.Binary;

namespace Hadal.Cli.Gguf;

/// <summary>Q8_0: a block of 32 values is an f16 scale d, then 32 int8 q; a value is d · q.</summary>
internal static class Q8Blocks
{
    public const int BlockLength = 32;

    private const int BlockBytes = sizeof(ushort) + BlockLength;
    private const float LargestCode = 127;

    /// <summary>Bytes of that many values, a multiple of 32.</summary>
    public static int ByteLength(int values) => values / BlockLength * BlockBytes;

    /// <summary>Quantises to the nearest, d = the largest magnitude / 127.</summary>
    /// <param name="values">A multiple of 32 of them, finite and below 127 · 65504.</param>
    /// <param name="blocks"><see cref="ByteLength"/> bytes.</param>
    public static void Quantize(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        for (; values.Length > 0; values = values[BlockLength..], blocks = blocks[BlockBytes..])
        {
            float largest = 0;
            foreach (float value in values[..BlockLength])
                largest = MathF.Max(largest, MathF.Abs(value));
            float scale = largest / LargestCode;
            float inverse = scale > 0 ? 1 / scale : 0;
            BinaryPrimitives.WriteHalfLittleEndian(blocks, (Half)scale);
            Span<byte> codes = blocks[sizeof(ushort)..];
            for (int i = 0; i < BlockLength; i++)
                codes[i] = (byte)(sbyte)MathF.Round(values[i] * inverse);
        }
    }
}
