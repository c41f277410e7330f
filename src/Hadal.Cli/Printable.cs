using System.Globalization;
using System.Text;

namespace Hadal.Cli;

/// <summary>
/// Makes text of a file or a model safe to look at: characters that steer a terminal, end a line, or turn the order of
/// what follows around are spelt out as <c>\uNNNN</c>.
/// </summary>
internal static class Printable
{
    /// <summary>More characters than this are cut off of a line: it is a name, or tells of one.</summary>
    public const int MaxLength = 1000;

    /// <summary>One line of a table or message.</summary>
    public static string Line(string text) =>
        text.Length > MaxLength ? Escape(text.AsSpan(0, MaxLength), "") + "…" : Escape(text, "");

    /// <summary>A text of any length, whose line feeds and tabs stay.</summary>
    public static string Text(ReadOnlySpan<char> text) => Escape(text, "\n\t");

    /// <summary>Controls of C0 and C1, separators of lines, and controls of the direction of text.</summary>
    public static bool IsHidden(int character) =>
        character
            is < 0x20
                or (>= 0x7f and < 0xa0)
                or (>= 0x2028 and <= 0x202e)
                or (>= 0x2066 and <= 0x2069);

    private static string Escape(ReadOnlySpan<char> text, string allowed)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (IsHidden(c) && !allowed.Contains(c))
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else
                escaped.Append(c);
        }
        return escaped.ToString();
    }
}
