using System.Buffers;
using System.Globalization;
using System.Text;

namespace Hadal;

/// <summary>Text of files and other strangers, made safe to show: it can't move a cursor, reorder a line or flood a terminal.</summary>
internal static class QuotedText
{
    /// <summary>Longer texts are cut; of escapes there may be six times as many characters.</summary>
    public const int MaxLength = 1000;

    private const int ShortLength = 100;

    /// <summary>A file's text, short enough for a part of a message.</summary>
    public static string Shorten(string text) =>
        text.Length <= ShortLength ? text : $"{text.AsSpan(0, ShortLength)}…";

    /// <summary>
    /// The text, cut, with an escape <c>\uXXXX</c> for each character that controls instead of showing: C0 and C1 controls,
    /// format characters such as bidirectional overrides, line and paragraph separators, and lone surrogates.
    /// </summary>
    public static string Quote(string text)
    {
        if (text.Length > MaxLength)
        {
            int cut = char.IsHighSurrogate(text[MaxLength - 1]) ? MaxLength - 1 : MaxLength;
            text = $"{text.AsSpan(0, cut)}…";
        }
        if (!text.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            return text;
        var quoted = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; )
        {
            bool shows =
                Rune.DecodeFromUtf16(text.AsSpan(i), out Rune rune, out int length)
                    == OperationStatus.Done
                && Rune.GetUnicodeCategory(rune)
                    is not (
                        UnicodeCategory.Control
                        or UnicodeCategory.Format
                        or UnicodeCategory.LineSeparator
                        or UnicodeCategory.ParagraphSeparator
                    );
            foreach (char c in text.AsSpan(i, length))
            {
                if (shows)
                    quoted.Append(c);
                else
                    quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
            i += length;
        }
        return quoted.ToString();
    }
}
