using System.Globalization;
using Hadal.Grammars;
using Oracle = System.Text.RegularExpressions.Regex;
using OracleOptions = System.Text.RegularExpressions.RegexOptions;

namespace Hadal.Tests.Grammars;

public sealed class RegexAutomatonTests
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
        for (int round = 0; round < 600; round++)
        {
            string pattern = RandomPattern(random, 2);
            CharAutomaton whole = RegexAutomaton.Compile(pattern, search: false);
            CharAutomaton search = RegexAutomaton.Compile(pattern, search: true);
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
        Assert.InRange(matched, 600, 14_000);
    }

    [Theory]
    [InlineData("^.$", "\U0001F600", true)]
    [InlineData("^..$", "\U0001F600", false)]
    [InlineData("^[^a]$", "\U0001F600", true)]
    [InlineData(@"^\u{1F600}$", "\U0001F600", true)]
    [InlineData(@"^\ud83d\ude00$", "\U0001F600", true)]
    [InlineData(@"^[\ud83d\ude00]$", "\U0001F600", true)]
    [InlineData("^[\U0001F600-\U0001F610]{2}$", "\U0001F605\U0001F610", true)]
    [InlineData(@"^\ud83d", "\U0001F600", false)]
    [InlineData(@"\ud83d\u0061|b", "b", true)]
    [InlineData(@"^\cJ\x41\u0042\0\t\v\f\r\n$", "\nAB\0\t\v\f\r\n", true)]
    [InlineData(@"^\cj$", "\n", true)]
    [InlineData(@"^[\b]$", "\b", true)]
    [InlineData(@"^\/\-\_\.\ \@$", "/-_. @", true)]
    [InlineData("^.$", "\n", false)]
    [InlineData("^.$", "\u2028", false)]
    [InlineData("^.$", "\u0085", true)]
    [InlineData(@"^\d$", "\u0663", false)]
    [InlineData(@"^\w$", "\u00E9", false)]
    [InlineData(@"^\W$", "\u00E9", true)]
    [InlineData(@"^\s$", "\uFEFF", true)]
    [InlineData(@"^\s$", "\u0085", false)]
    [InlineData(@"^\S$", "\u3000", false)]
    [InlineData("a$", "a\n", false)]
    [InlineData("^[]$", "", false)]
    [InlineData("^[^]$", "\n", true)]
    [InlineData("^[a-]$", "-", true)]
    [InlineData(@"^[\w-.]+$", "a-.", true)]
    [InlineData(@"^[\w-.]+$", "a/", false)]
    [InlineData(@"^[+-\d]+$", "-+5", true)]
    [InlineData(@"^\p{Lu}\p{Lowercase_Letter}\P{L}$", "\u0416\u0436\u00D7", true)]
    [InlineData(@"^\p{Letter}+$", "\U00020000\u00E9", true)]
    [InlineData(@"^[\p{Nd}_]+$", "\u0663_", true)]
    [InlineData(@"^\p{General_Category=Nd}\p{gc=Sc}$", "1\u20AC", true)]
    [InlineData(@"^\P{Lu}$", "A", false)]
    [InlineData("a^b", "a^b", false)]
    [InlineData("(^|x)a", "xa", true)]
    [InlineData("(^|x)a", "ya", false)]
    [InlineData("$^", "", true)]
    [InlineData("$^", "a", false)]
    [InlineData("a{0}b", "b", true)]
    [InlineData("^(?:a|)$", "", true)]
    [InlineData("^(?<year>a)(b)(?:c)$", "abc", true)]
    [InlineData("", "anything", true)]
    public void A_pattern_is_searched_for(string pattern, string text, bool matches) =>
        Assert.Equal(matches, RegexAutomaton.Compile(pattern, search: true).Matches(text));

    [Fact]
    public void Half_of_a_surrogate_pair_is_in_no_text() =>
        Assert.False(RegexAutomaton.Compile("^[^]*$", search: false).Matches("a\ud83d"));

    [Fact]
    public void Categories_are_those_of_the_framework()
    {
        CharAutomaton upper = RegexAutomaton.Compile(@"\p{Lu}", search: false);
        CharAutomaton other = RegexAutomaton.Compile(@"\P{C}", search: false);
        for (int c = 0; c < 0x110000; c++)
        {
            UnicodeCategory category = CharUnicodeInfo.GetUnicodeCategory(c);
            bool isOther =
                category
                is UnicodeCategory.Control
                    or UnicodeCategory.Format
                    or UnicodeCategory.Surrogate
                    or UnicodeCategory.PrivateUse
                    or UnicodeCategory.OtherNotAssigned;
            bool isUpper = category == UnicodeCategory.UppercaseLetter;
            if (Accepts(upper, c) != isUpper || Accepts(other, c) == isOther)
                Assert.Fail($"U+{c:X4}");
        }
    }

    [Fact]
    public void Class_escapes_are_those_of_ECMA_262()
    {
        CharAutomaton digit = RegexAutomaton.Compile(@"\d", search: false);
        CharAutomaton word = RegexAutomaton.Compile(@"\w", search: false);
        CharAutomaton space = RegexAutomaton.Compile(@"\s", search: false);
        CharAutomaton any = RegexAutomaton.Compile(".", search: false);
        for (int c = 0; c < 0x110000; c++)
        {
            bool isLineEnd = c is '\n' or '\r' or 0x2028 or 0x2029;
            bool isSpace =
                isLineEnd
                || c is '\t' or '\v' or '\f' or 0xFEFF
                || CharUnicodeInfo.GetUnicodeCategory(c) == UnicodeCategory.SpaceSeparator;
            bool isDigit = c is >= '0' and <= '9';
            bool isWord = isDigit || c is >= 'A' and <= 'Z' or >= 'a' and <= 'z' or '_';
            if (
                Accepts(digit, c) != isDigit
                || Accepts(word, c) != isWord
                || Accepts(space, c) != isSpace
                || Accepts(any, c) != (!isLineEnd && c is < 0xD800 or >= 0xE000)
            )
                Assert.Fail($"U+{c:X4}");
        }
    }

    [Theory]
    [InlineData("ab(?=c)", "look-ahead", 2)]
    [InlineData("(?!c)", "look-ahead", 0)]
    [InlineData("a(?<=c)", "look-behind", 1)]
    [InlineData("a(?<!c)", "look-behind", 1)]
    [InlineData(@"(a)\1", "back reference", 3)]
    [InlineData(@"(?<n>a)\k<n>", "back reference", 7)]
    [InlineData(@"a\b", "word boundary", 1)]
    [InlineData(@"\B", "word boundary", 0)]
    [InlineData(@"a\p{Foo}", "property 'Foo'", 1)]
    [InlineData(@"\p{Script=Greek}", "property 'Script=Greek'", 0)]
    [InlineData(@"\p", "property", 0)]
    [InlineData(@"\p{Lu", "property", 0)]
    [InlineData("(?i)a", "flags", 0)]
    [InlineData("(?i:a)", "flags", 0)]
    [InlineData("(?<1>a)", "name", 0)]
    [InlineData("(?<n", "name", 0)]
    [InlineData("a(b", "without ')'", 1)]
    [InlineData("a)b", "without '('", 1)]
    [InlineData("a[b", "without ']'", 1)]
    [InlineData("[a-", "without ']'", 0)]
    [InlineData("a]", "']'", 1)]
    [InlineData("a}", "'}'", 1)]
    [InlineData("{a", "'{'", 0)]
    [InlineData("*a", "nothing to repeat", 0)]
    [InlineData("a|+", "nothing to repeat", 2)]
    [InlineData("a**", "nothing to repeat", 2)]
    [InlineData("^*", "nothing to repeat", 1)]
    [InlineData("a{,2}", "quantifier", 1)]
    [InlineData("a{2", "quantifier", 1)]
    [InlineData("a{3,2}", "out of order", 1)]
    [InlineData("[b-a]", "out of order", 1)]
    [InlineData(@"a\", "backslash", 1)]
    [InlineData(@"\e", "escape", 0)]
    [InlineData(@"\x4", "escape", 0)]
    [InlineData(@"\u12", "escape", 0)]
    [InlineData(@"\u{110000}", "escape", 0)]
    [InlineData(@"\u{}", "escape", 0)]
    [InlineData(@"\u{+41}", "escape", 0)]
    [InlineData(@"\c1", "escape", 0)]
    [InlineData(@"\01", "escape", 0)]
    public void What_is_broken_or_not_supported_is_named_with_its_position(
        string pattern,
        string what,
        int position
    )
    {
        foreach (bool search in new[] { false, true })
        {
            string message = Assert
                .Throws<GrammarException>(() => RegexAutomaton.Compile(pattern, search))
                .Message;
            Assert.Contains(what, message, StringComparison.Ordinal);
            Assert.Contains($"at position {position} ", message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("(a?){1000}a{1000}")]
    [InlineData("(.*a){50}")]
    [InlineData("(.*a){1000}")]
    [InlineData(".*a.{20}")]
    [InlineData("(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x")]
    [InlineData("(a*)*(a*)*(((a*)*)*)*b")]
    [InlineData("((a{0,100}){0,100}){0,100}")]
    [InlineData("(((){1000}){1000}){1000000}")]
    [InlineData("(((|){1000}){1000}){1000}")]
    [InlineData("a{1000000000000}")]
    [InlineData("(a|b|ab){20000}")]
    [InlineData("[ab]*a[ab]{9}c[ab]*b[ab]{9}")]
    [InlineData(@"(\p{L}*\p{Lu}){12}\w{30}")]
    public void A_pattern_of_exponential_cost_is_compiled_within_bounds_or_refused(string pattern)
    {
        foreach (bool search in new[] { false, true })
        {
            try
            {
                CharAutomaton automaton = RegexAutomaton.Compile(pattern, search);
                Assert.InRange(automaton.StateCount, 1, CharAutomatonBuilder.MaxStates);
            }
            catch (GrammarException refusal)
            {
                Assert.Contains("too large", refusal.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Long_and_deep_patterns_are_compiled_or_refused()
    {
        string ideographs = string.Concat(Enumerable.Range(0x4E00, 5000).Select(c => (char)c));
        Assert.True(RegexAutomaton.Compile(ideographs, search: false).Matches(ideographs));
        Assert.True(
            RegexAutomaton
                .Compile(new string('(', 200) + "a" + new string(')', 200), false)
                .Matches("a")
        );
        Refused(new string('(', 201) + "a" + new string(')', 201), "deeper than 200");
        Refused(new string('(', 60_000), "deeper than 200");
        Refused(new string('a', 65_537), "65537 characters");
        Refused(new string('a', 65_536), "too large");
        Refused(string.Concat(ideographs.Select(c => $"[^{c}]?")), "too large");
        Refused(string.Concat(ideographs.Select(c => $"[!-{c}]?")), "too large");

        static void Refused(string pattern, string what) =>
            Assert.Contains(
                what,
                Assert
                    .Throws<GrammarException>(() => RegexAutomaton.Compile(pattern, true))
                    .Message,
                StringComparison.Ordinal
            );
    }

    [Theory]
    [InlineData("[a-z]{2,10}", 11)]
    [InlineData("a|b|c", 2)]
    [InlineData("(a|b)*abb", 4)]
    [InlineData("(aa|aab?)*", 3)]
    [InlineData("a[]|b", 2)]
    public void Automata_are_minimal(string pattern, int states) =>
        Assert.Equal(states, RegexAutomaton.Compile(pattern, search: false).StateCount);

    private static bool Accepts(CharAutomaton automaton, int c) =>
        automaton.ClassOf(c) is >= 0 and var own && automaton.Next(automaton.Start, own) >= 0;

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
