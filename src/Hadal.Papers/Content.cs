using System.Security.Cryptography;

namespace Hadal.Papers;

/// <summary>A file that goes into a package.</summary>
/// <param name="Source">Where it lies.</param>
/// <param name="Path">Where it will be in the package.</param>
internal sealed record Content(string Source, string Path)
{
    private static readonly byte[][] s_beginnings =
    [
        [0x7f, (byte)'E', (byte)'L', (byte)'F'],
        "MZ"u8.ToArray(),
        "!<arch>\n"u8.ToArray(),
        "\0asm"u8.ToArray(),
        // Mach-O, of one and of several architectures.
        [0xcf, 0xfa, 0xed, 0xfe],
        [0xca, 0xfe, 0xba, 0xbe],
    ];

    /// <summary>Whether it holds compiled code, by its first bytes.</summary>
    public bool IsBinary()
    {
        Span<byte> bytes = stackalloc byte[8];
        using FileStream file = File.OpenRead(Source);
        ReadOnlySpan<byte> start = bytes[..file.ReadAtLeast(bytes, 8, throwOnEndOfStream: false)];
        foreach (byte[] beginning in s_beginnings)
        {
            if (start.StartsWith(beginning))
                return true;
        }
        return false;
    }

    public string Sha256()
    {
        using FileStream file = File.OpenRead(Source);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }
}
