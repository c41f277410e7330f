using Hadal.Grammars;
using Oracle = System.Text.RegularExpressions.Regex;
using OracleOptions = System.Text.RegularExpressions.RegexOptions;
using Regex = Hadal.Grammars.Regex;

namespace Hadal.Tests.Grammars;

public sealed class RegexTests
{
    private static readonly string[] s_atoms =
    [
        "a",
        "b",
        "c",
        ".",
        "[ab]",
        "[^a]",
        @"\d",
        @"\w",
        @"\s",
        @"\D",
        @"[\db-]",
        @"\x61",
        "1",
        @"[^\s\d]",
        "()",
        "_",
    ];
    private static readonly string[] s_quantifiers =
    [
        "*",
        "+",
        "?",
        "*?",
        "+?",
        "??",
        "{2}",
        "{0}",
        "{1,}",
        "{0,2}",
        "{1,3}?",
        "{2,}",
    ];

    [Fact]
    public void Random_patterns_match_the_texts_that_another_engine_matches()
    {
        var random = new Random(1);
        int matched = 0;
        for (int round = 0; round < 2000; round++)
        {
            string pattern = RandomPattern(random, 2);
            CharAutomaton whole = Regex.Compile(pattern, search: false);
            CharAutomaton search = Regex.Compile(pattern, search: true);
            // Of .NET, $ also holds before a last line feed, which \z does not.
            string theirs = pattern.Replace("$", @"\z", StringComparison.Ordinal);
            var oracle = new Oracle(theirs, OracleOptions.NonBacktracking);
            var wholeOracle = new Oracle($@"\A(?:{theirs})\z", OracleOptions.NonBacktracking);
            for (int i = 0; i < 25; i++)
            {
                string text = RandomText(random, "abc1_ -", random.Next(7));
                bool expected = wholeOracle.IsMatch(text);
                matched += expected ? 1 : 0;
                Assert.True(expected == whole.Matches(text), $"/^{pattern}$/ '{text}' {expected}");
                expected = oracle.IsMatch(text);
                Assert.True(expected == search.Matches(text), $"/{pattern}/ '{text}' {expected}");
            }
        }
        Assert.InRange(matched, 2_000, 48_000);
    }

    private static string RandomPattern(Random random, int depth)
    {
        int count = random.Next(1, 4);
        string pattern = "";
        for (int i = 0; i < count; i++)
        {
            int kind = random.Next(10);
            string item = kind switch
            {
                < 5 => s_atoms[random.Next(s_atoms.Length)],
                < 7 when depth > 0 => $"({RandomPattern(random, depth - 1)})",
                7 when depth > 0 => $"(?:{RandomPattern(random, depth - 1)})",
                8 => random.Next(4) == 0 ? "(^|a)" : "(?<n>b)",
                9 => random.Next(4) == 0 ? "($|b)" : "c",
                _ => "a",
            };
            if (random.Next(3) == 0)
                item += s_quantifiers[random.Next(s_quantifiers.Length)];
            pattern += item;
        }
        return random.Next(12) switch
        {
            0 => "^" + pattern,
            1 => pattern + "$",
            2 => $"^{pattern}$",
            3 or 4 => $"{pattern}|{(depth > 0 ? RandomPattern(random, depth - 1) : "")}",
            _ => pattern,
        };
    }

    private static string RandomText(Random random, string alphabet, int length)
    {
        var text = new char[length];
        for (int i = 0; i < length; i++)
            text[i] = alphabet[random.Next(alphabet.Length)];
        return new string(text);
    }
}
