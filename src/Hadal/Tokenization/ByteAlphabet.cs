namespace Hadal.Tokenization;

/// <summary>
/// The printable alphabet of byte-level BPE (GPT-2): each byte is one character; printable Latin-1 stands for itself,
/// the other 68 bytes take U+0100 upward in order.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] s_charOf = Build();
    private static readonly short[] s_byteOf = Invert(s_charOf);

    /// <summary>The character that stands for a byte.</summary>
    public static char Of(byte value) => s_charOf[value];

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

    private static char[] Build()
    {
        var charOf = new char[0x100];
        int next = 0x100;
        for (int b = 0; b < 0x100; b++)
        {
            bool printable = b is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or >= 0xAE;
            charOf[b] = (char)(printable ? b : next++);
        }
        return charOf;
    }

    private static short[] Invert(char[] charOf)
    {
        var byteOf = new short[charOf.Max() + 1];
        Array.Fill(byteOf, (short)-1);
        for (int b = 0; b < charOf.Length; b++)
            byteOf[charOf[b]] = (short)b;
        return byteOf;
    }
}
