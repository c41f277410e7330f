namespace Hadal.Tokenization;

/// <summary>
/// The printable alphabet of byte-level BPE (GPT-2): each byte is one character; printable Latin-1 stands for itself,
/// the other 68 bytes take U+0100 upward in order.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly short[] s_byteOf = Build();

    /// <summary>Writes the bytes that <paramref name="token"/> stands for; false if a character is outside the alphabet.</summary>
    public static bool TryGetBytes(ReadOnlySpan<char> token, Span<byte> bytes)
    {
        for (int i = 0; i < token.Length; i++)
        {
            if (token[i] >= s_byteOf.Length || s_byteOf[token[i]] < 0)
                return false;
            bytes[i] = (byte)s_byteOf[token[i]];
        }
        return true;
    }

    private static short[] Build()
    {
        var byteOf = new short[0x100 + 68];
        Array.Fill(byteOf, (short)-1);
        int next = 0x100;
        for (int b = 0; b < 0x100; b++)
        {
            bool printable = b is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or >= 0xAE;
            byteOf[printable ? b : next++] = (short)b;
        }
        return byteOf;
    }
}
