using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Hadal.Cli.Hub;

/// <summary>
/// The checksum that a hub tells of a file: SHA-256 of what lies in large file storage; of others the id that git gives a
/// blob, which is SHA-1 of <c>blob SIZE\0</c> and the content.
/// </summary>
internal sealed class FileDigest
{
    private readonly bool _isGitBlob;

    private FileDigest(string hex, bool isGitBlob)
    {
        Hex = hex;
        _isGitBlob = isGitBlob;
    }

    /// <summary>The checksum in lower case.</summary>
    public string Hex { get; }

    /// <returns>Null where the text is none.</returns>
    public static FileDigest? Sha256(string? hex) =>
        IsHex(hex, SHA256.HashSizeInBytes) ? new(hex!, isGitBlob: false) : null;

    /// <returns>Null where the text is none.</returns>
    public static FileDigest? GitBlob(string? hex) =>
        IsHex(hex, SHA1.HashSizeInBytes) ? new(hex!, isGitBlob: true) : null;

    /// <summary>Begins the checksum of a content.</summary>
    /// <param name="size">Its bytes.</param>
    public IncrementalHash Begin(long size)
    {
        var hash = IncrementalHash.CreateHash(
            _isGitBlob ? HashAlgorithmName.SHA1 : HashAlgorithmName.SHA256
        );
        if (_isGitBlob)
            hash.AppendData(
                Encoding.ASCII.GetBytes(
                    string.Create(CultureInfo.InvariantCulture, $"blob {size}\0")
                )
            );
        return hash;
    }

    /// <summary>Whether a content that went through has this checksum.</summary>
    public bool Matches(IncrementalHash hash) =>
        Convert.ToHexStringLower(hash.GetCurrentHash()) == Hex;

    /// <summary>Whether a text is that many bytes in lower case.</summary>
    public static bool IsHex(string? text, int bytes) =>
        text?.Length == 2 * bytes && text.All(char.IsAsciiHexDigitLower);
}
