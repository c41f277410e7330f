namespace Hadal.Grammars;

/// <summary>A place in a pattern.</summary>
/// <param name="pattern">The pattern.</param>
internal sealed class RegexReader(string pattern)
{
    /// <summary>In UTF-16 units, from 0.</summary>
    public int At { get; private set; }

    public bool IsAtEnd => At == pattern.Length;

    /// <summary>The next UTF-16 unit; 0 at the end.</summary>
    public char Peek(int ahead = 0) => At + ahead < pattern.Length ? pattern[At + ahead] : '\0';

    public bool Take(char c)
    {
        if (IsAtEnd || pattern[At] != c)
            return false;
        At++;
        return true;
    }

    public bool Take(string text)
    {
        if (string.CompareOrdinal(pattern, At, text, 0, text.Length) != 0)
            return false;
        At += text.Length;
        return true;
    }

    public void Skip(int count) => At += count;

    /// <summary>The next code point, possibly a lone surrogate.</summary>
    public int TakeCodePoint()
    {
        char c = pattern[At++];
        return char.IsHighSurrogate(c) && At < pattern.Length && char.IsLowSurrogate(pattern[At])
            ? char.ConvertToUtf32(c, pattern[At++])
            : c;
    }

    /// <summary>What lies before a character, which is then passed, or null if that does not come.</summary>
    public string? TakeUntil(char end)
    {
        int found = pattern.IndexOf(end, At);
        if (found < 0)
            return null;
        string text = pattern[At..found];
        At = found + 1;
        return text;
    }

    /// <summary>An error at a position in the pattern.</summary>
    public GrammarException Error(int at, string what) =>
        new(
            $"{what} at position {at} of the pattern '{QuotedText.Quote(QuotedText.Shorten(pattern))}'"
        );
}
