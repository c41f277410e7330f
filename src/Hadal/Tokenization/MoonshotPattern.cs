using System.Text.RegularExpressions;

namespace Hadal.Tokenization;

/// <summary>
/// How the tokenizers of Moonshot AI cut a text into words: <c>pat_str</c> of <c>tokenization_moonshot.py</c>
/// (Moonlight) and <c>tokenization_kimi.py</c> (Kimi K2), which is the same in both.
/// </summary>
internal static class MoonshotPattern
{
    /// <summary>As it is published, in the dialect of Rust's and Oniguruma's regular expressions.</summary>
    public const string Published =
        @"[\p{Han}]+"
        + @"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        + @"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        + @"|\p{N}{1,3}"
        + @"| ?[^\s\p{L}\p{N}]+[\r\n]*"
        + @"|\s*[\r\n]+"
        + @"|\s+(?!\S)"
        + @"|\s+";

    /// <summary>The same in .NET's dialect: an intersection with what is not Han is a subtraction of Han.</summary>
    public static Regex Pattern { get; } =
        PatternDialect.Compile(
            Published
                .Replace(@"&&[^\p{Han}]", $"-[{HanScript.Class}]", StringComparison.Ordinal)
                .Replace(@"\p{Han}", HanScript.Class, StringComparison.Ordinal)
        );
}
