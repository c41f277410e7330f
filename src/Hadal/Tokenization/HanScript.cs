using System.Text;

namespace Hadal.Tokenization;

/// <summary>
/// The characters of the script Han, which .NET's regular expressions have no name for: Scripts.txt of Unicode 15.0, and
/// Extension I of 15.1.
/// </summary>
internal static class HanScript
{
    /// <summary>Those up to U+FFFF, to stand within the brackets of a character class.</summary>
    public const string Class =
        @"\u2E80-\u2E99\u2E9B-\u2EF3\u2F00-\u2FD5\u3005\u3007\u3021-\u3029\u3038-\u303B\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFA6D\uFA70-\uFAD9";

    private static readonly (int First, int Last)[] s_beyond =
    [
        (0x16FE2, 0x16FE3),
        (0x16FF0, 0x16FF1),
        (0x20000, 0x2A6DF),
        (0x2A700, 0x2B739),
        (0x2B740, 0x2B81D),
        (0x2B820, 0x2CEA1),
        (0x2CEB0, 0x2EBE0),
        (0x2EBF0, 0x2EE5D),
        (0x2F800, 0x2FA1D),
        (0x30000, 0x3134A),
        (0x31350, 0x323AF),
    ];

    /// <summary>Whether a character beyond U+FFFF is of the script.</summary>
    public static bool HoldsBeyond(Rune rune) =>
        Array.Exists(s_beyond, range => rune.Value >= range.First && rune.Value <= range.Last);
}
