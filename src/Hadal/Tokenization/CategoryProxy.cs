using System.Globalization;
using System.Text;

namespace Hadal.Tokenization;

/// <summary>
/// Stand-ins for characters beyond U+FFFF. .NET's regular expressions see those as two surrogates of no category, while
/// the patterns are meant for code points: an emoji is a symbol, 𝐀 a letter. So each is replaced, before matching, by one
/// character of its general category that no pattern names literally.
/// </summary>
internal static class CategoryProxy
{
    /// <summary>
    /// Fills <paramref name="proxy"/> with one character a code point of <paramref name="text"/>, and
    /// <paramref name="starts"/> with where each begins in the text (and its end); returns the number of code points.
    /// Both must hold <c>text.Length + 1</c>. With <paramref name="knowsHan"/> those of the script Han are told apart, by
    /// characters of that script, a letter or none.
    /// </summary>
    public static int Fill(
        ReadOnlySpan<char> text,
        Span<char> proxy,
        Span<int> starts,
        bool knowsHan
    )
    {
        int count = 0;
        int at = 0;
        while (at < text.Length)
        {
            starts[count] = at;
            _ = Rune.DecodeFromUtf16(text[at..], out Rune rune, out int consumed);
            proxy[count++] =
                rune.IsBmp ? (char)rune.Value
                : knowsHan && HanScript.HoldsBeyond(rune)
                    ? (Rune.IsLetter(rune) ? '\u3400' : '\u2E80')
                : Of(Rune.GetUnicodeCategory(rune));
            at += consumed;
        }
        starts[count] = at;
        return count;
    }

    internal static char Of(UnicodeCategory category) =>
        category switch
        {
            UnicodeCategory.UppercaseLetter => 'Ж',
            UnicodeCategory.LowercaseLetter => 'ж',
            UnicodeCategory.TitlecaseLetter => '\u01C5',
            UnicodeCategory.ModifierLetter => '\u02B0',
            UnicodeCategory.OtherLetter => '\u05D0',
            UnicodeCategory.NonSpacingMark => '\u0300',
            UnicodeCategory.SpacingCombiningMark => '\u0903',
            UnicodeCategory.EnclosingMark => '\u0488',
            UnicodeCategory.DecimalDigitNumber => '\u0660',
            UnicodeCategory.LetterNumber => '\u16EE',
            UnicodeCategory.OtherNumber => '\u00B2',
            UnicodeCategory.ConnectorPunctuation => '\u203F',
            UnicodeCategory.DashPunctuation => '\u2013',
            UnicodeCategory.OpenPunctuation => '\u0F3A',
            UnicodeCategory.ClosePunctuation => '\u0F3B',
            UnicodeCategory.InitialQuotePunctuation => '\u00AB',
            UnicodeCategory.FinalQuotePunctuation => '\u00BB',
            UnicodeCategory.OtherPunctuation => '\u00A1',
            UnicodeCategory.MathSymbol => '\u2200',
            UnicodeCategory.CurrencySymbol => '\u20A0',
            UnicodeCategory.ModifierSymbol => '\u02C2',
            UnicodeCategory.OtherSymbol => '\u2100',
            UnicodeCategory.Format => '\u200B',
            UnicodeCategory.PrivateUse => '\uE000',
            _ => '\u0378', // unassigned
        };
}
