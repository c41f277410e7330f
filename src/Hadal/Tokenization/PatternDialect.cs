using System.Text.RegularExpressions;

namespace Hadal.Tokenization;

/// <summary>
/// What differs between the regular expressions of Oniguruma and Rust, in which patterns are published, and .NET's.
/// </summary>
internal static class PatternDialect
{
    /// <exception cref="RegexParseException">It is no pattern.</exception>
    public static Regex Compile(string pattern) =>
        new(
            // Regardless of case, s is ſ as well but in .NET.
            pattern.Replace("(?i:'s|", "(?i:'[sſ]|", StringComparison.Ordinal),
            RegexOptions.CultureInvariant,
            PatternBudget.MatchLimit
        );

    /// <summary>
    /// Whether brackets or an intersection stand within the brackets of a class, unescaped: .NET takes them as characters.
    /// </summary>
    public static bool HasNestedClass(string pattern)
    {
        bool inClass = false;
        for (int i = 0; i < pattern.Length; i++)
        {
            if (pattern[i] == '\\')
                i++;
            else if (pattern[i] == ']')
                inClass = false;
            else if (inClass && (pattern[i] == '[' || pattern.AsSpan(i).StartsWith("&&")))
                return true;
            else if (pattern[i] == '[')
                inClass = true;
        }
        return false;
    }
}
