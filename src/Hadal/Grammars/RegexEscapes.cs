using System.Buffers;
using System.Globalization;

namespace Hadal.Grammars;

/// <summary>Reads what follows a backslash in a regular expression.</summary>
internal static class RegexEscapes
{
    public static readonly CodePointSet Digits = CodePointSet.Of(('0', '9'));
    public static readonly CodePointSet WordCharacters = CodePointSet.Of(
        ('0', '9'),
        ('A', 'Z'),
        ('_', '_'),
        ('a', 'z')
    );

    /// <summary>WhiteSpace and LineTerminator of ECMA-262.</summary>
    public static readonly CodePointSet Spaces = CodePointSet.Of(
        ('\t', '\r'),
        (' ', ' '),
        (0xA0, 0xA0),
        (0x1680, 0x1680),
        (0x2000, 0x200A),
        (0x2028, 0x2029),
        (0x202F, 0x202F),
        (0x205F, 0x205F),
        (0x3000, 0x3000),
        (0xFEFF, 0xFEFF)
    );

    private static readonly SearchValues<char> s_hexDigits = SearchValues.Create(
        "0123456789abcdefABCDEF"
    );
    private static readonly CodePointSet s_notDigits = Digits.Complement();
    private static readonly CodePointSet s_notWordCharacters = WordCharacters.Complement();
    private static readonly CodePointSet s_notSpaces = Spaces.Complement();

    /// <summary>Reads an escape behind its backslash.</summary>
    /// <param name="reader">The place behind the backslash.</param>
    /// <param name="inClass">Whether it is within brackets.</param>
    /// <param name="codePoint">The character that it stands for, if the result is null.</param>
    /// <returns>The set that it stands for, or null if it stands for one character.</returns>
    /// <exception cref="GrammarException">It is none that is supported.</exception>
    public static CodePointSet? Read(RegexReader reader, bool inClass, out int codePoint)
    {
        codePoint = -1;
        int start = reader.At - 1;
        if (reader.IsAtEnd)
            throw reader.Error(start, "a backslash without a character after it");
        int c = reader.TakeCodePoint();
        switch (c)
        {
            case 'd':
                return Digits;
            case 'D':
                return s_notDigits;
            case 'w':
                return WordCharacters;
            case 'W':
                return s_notWordCharacters;
            case 's':
                return Spaces;
            case 'S':
                return s_notSpaces;
            case 'p' or 'P':
                return Property(reader, start, c == 'P');
            case 'b' when inClass:
                codePoint = '\b';
                break;
            case 'b' or 'B':
                throw reader.Error(
                    start,
                    $"a word boundary (\\{(char)c}), which is not supported,"
                );
            case 'k':
            case >= '1' and <= '9':
                throw reader.Error(start, "a back reference, which is not supported,");
            default:
                codePoint = Character(reader, start, c);
                break;
        }
        return null;
    }

    private static int Character(RegexReader reader, int start, int c)
    {
        switch (c)
        {
            case 't':
                return '\t';
            case 'n':
                return '\n';
            case 'v':
                return '\v';
            case 'f':
                return '\f';
            case 'r':
                return '\r';
            case '0' when !char.IsAsciiDigit(reader.Peek()):
                return 0;
            case 'c' when char.IsAsciiLetter(reader.Peek()):
                return reader.TakeCodePoint() % 32;
            case 'x' when Hex(reader, 2) is int code:
                return code;
            case 'u' when reader.Peek() == '{':
                return Braced(reader, start);
            case 'u' when Hex(reader, 4) is int code:
                return Paired(reader, code);
            case < 128 when !char.IsAsciiLetterOrDigit((char)c) && c > ' ':
            case ' ':
                return c;
            default:
                throw reader.Error(start, "an escape that ECMA-262 does not know");
        }
    }

    /// <summary>A code point between braces.</summary>
    private static int Braced(RegexReader reader, int start)
    {
        reader.Skip(1);
        if (
            reader.TakeUntil('}') is { Length: > 0 } digits
            && digits.AsSpan().IndexOfAnyExcept(s_hexDigits) < 0
            && digits.TrimStart('0') is { Length: <= 6 } significant
        )
        {
            int code =
                significant.Length == 0 ? 0 : int.Parse(significant, NumberStyles.HexNumber, null);
            if (code < CodePointSet.Limit)
                return code;
        }
        throw reader.Error(start, "an escape that is no Unicode code point");
    }

    /// <summary>Takes the other half of a surrogate pair with the first.</summary>
    private static int Paired(RegexReader reader, int code)
    {
        if (code is < 0xD800 or > 0xDBFF || reader.Peek() != '\\' || reader.Peek(1) != 'u')
            return code;
        reader.Skip(2);
        if (Hex(reader, 4) is int low)
        {
            if (low is >= 0xDC00 and <= 0xDFFF)
                return char.ConvertToUtf32((char)code, (char)low);
            reader.Skip(-4);
        }
        reader.Skip(-2);
        return code;
    }

    private static int? Hex(RegexReader reader, int digits)
    {
        int code = 0;
        for (int i = 0; i < digits; i++)
        {
            if (!char.IsAsciiHexDigit(reader.Peek(i)))
                return null;
            code = 16 * code + Convert.ToInt32(reader.Peek(i).ToString(), 16);
        }
        reader.Skip(digits);
        return code;
    }

    private static CodePointSet Property(RegexReader reader, int start, bool negated)
    {
        string? name = reader.Take('{') ? reader.TakeUntil('}') : null;
        if (name == null)
            throw reader.Error(start, "a property without a name in braces");
        int equals = name.IndexOf('=');
        string category = name;
        if (equals >= 0)
            category = name[..equals] is "gc" or "General_Category" ? name[(equals + 1)..] : "";
        CodePointSet? set = UnicodeCategories.Find(category);
        if (set == null)
            throw reader.Error(
                start,
                $"the property '{QuotedText.Quote(QuotedText.Shorten(name))}', which is not supported (general categories are),"
            );
        return negated ? set.Complement() : set;
    }
}
