using System.Text;
using Hadal.Grammars;

namespace Hadal.Tests.Grammars;

public sealed class CharAutomatonTests
{
    private static readonly List<string> s_texts = SampleTexts.All(
        ["a", "b", "é", "\U0001F600"],
        5
    );
    private static readonly string[] s_patterns =
    [
        "a*b",
        "(ab|é)*",
        "[^a]*",
        ".{2,3}",
        "a?b?\U0001F600?",
        "[]",
        "(.*b)?..",
        "",
        "[^]*",
        "[^]*a[^]*",
    ];

    [Fact]
    public void Intersections_accept_what_both_accept()
    {
        foreach (string first in s_patterns)
        {
            foreach (string second in s_patterns)
            {
                CharAutomaton a = RegexAutomaton.Compile(first, search: false);
                CharAutomaton b = RegexAutomaton.Compile(second, search: false);
                CheckAutomaton(
                    CharAutomaton.Intersect(a, b),
                    text => a.Matches(text) && b.Matches(text)
                );
                // With targets of classes that are not listed on one side, both or none.
                CharAutomaton c = CharAutomaton.Complement(b);
                CharAutomaton d = CharAutomaton.NotLiterals(["ab", "é", "b"]);
                CheckAutomaton(
                    CharAutomaton.Intersect(CharAutomaton.Intersect(a, d), c),
                    text => a.Matches(text) && !b.Matches(text) && text is not ("ab" or "é" or "b")
                );
                CheckAutomaton(
                    CharAutomaton.Intersect(d, c),
                    text => !b.Matches(text) && text is not ("ab" or "é" or "b")
                );
            }
        }
    }

    [Fact]
    public void Complements_accept_what_is_not_accepted()
    {
        foreach (string pattern in s_patterns)
        {
            CharAutomaton a = RegexAutomaton.Compile(pattern, search: false);
            CheckAutomaton(CharAutomaton.Complement(a), text => !a.Matches(text));
            Assert.Equal(
                a.StateCount,
                CharAutomaton.Complement(CharAutomaton.Complement(a)).StateCount
            );
        }
        Assert.True(CharAutomaton.Complement(CharAutomaton.Anything).IsEmpty);
    }

    [Fact]
    public void Lengths_are_counted_in_code_points()
    {
        foreach (string pattern in s_patterns)
        {
            CharAutomaton a = RegexAutomaton.Compile(pattern, search: false);
            foreach (
                (int min, int? max) in new (int, int?)[]
                {
                    (0, 3),
                    (2, 3),
                    (2, null),
                    (3, 2),
                    (0, 0),
                }
            )
            {
                CheckAutomaton(
                    CharAutomaton.WithLength(a, min, max),
                    text => a.Matches(text) && Length(text) >= min && !(Length(text) > max)
                );
            }
        }

        static int Length(string text) => text.EnumerateRunes().Count();
    }

    [Fact]
    public void Literals_are_accepted_and_nothing_else()
    {
        var random = new Random(3);
        for (int round = 0; round < 60; round++)
        {
            var literals = new HashSet<string>();
            for (int i = random.Next(40); i > 0; i--)
                literals.Add(s_texts[random.Next(s_texts.Count)]);
            CheckAutomaton(CharAutomaton.FromLiterals(literals), literals.Contains);
            CheckAutomaton(CharAutomaton.NotLiterals(literals), text => !literals.Contains(text));
        }
    }

    [Fact]
    public void A_text_is_avoided_wherever_it_would_come()
    {
        foreach (string avoided in SampleTexts.All(["a", "b", "\U0001F600"], 4))
        {
            CharAutomaton automaton = CharAutomaton.Avoiding(avoided);
            CheckAutomaton(automaton, text => !text.Contains(avoided, StringComparison.Ordinal));
            // One state for each proper beginning.
            Assert.Equal(avoided.EnumerateRunes().Count(), automaton.StateCount);
        }
    }

    [Fact]
    public void Many_literals_share_what_they_end_with()
    {
        string[] literals = [.. Enumerable.Range(0, 100_000).Select(i => $"key-{i:D5}-end")];
        CharAutomaton automaton = CharAutomaton.FromLiterals(literals);
        // "key-", five digits, "-end": a state before each character and one at the end.
        Assert.Equal(14, automaton.StateCount);
        Assert.True(automaton.Matches("key-31415-end"));
        Assert.False(automaton.Matches("key-3141-end"));

        var random = new Random(4);
        var words = new HashSet<string>();
        while (words.Count < 100_000)
            words.Add(RandomWord(random));
        automaton = CharAutomaton.FromLiterals(words);
        CharAutomaton others = CharAutomaton.NotLiterals(words);
        // There are as many texts on the ways to the end as literals.
        Assert.Equal(words.Count, CountTexts(automaton));
        foreach (string word in words.Take(1000))
        {
            Assert.True(automaton.Matches(word));
            Assert.False(others.Matches(word));
            Assert.Equal(words.Contains(word + "1"), automaton.Matches(word + "1"));
            Assert.Equal(!words.Contains(word + "1"), others.Matches(word + "1"));
        }
    }

    [Fact]
    public void A_literal_with_half_of_a_surrogate_pair_is_refused() =>
        Assert.Contains(
            "surrogate",
            Assert.Throws<GrammarException>(() => CharAutomaton.FromLiterals(["a\ud83d"])).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void Products_that_are_too_large_are_refused()
    {
        TooLarge(() => CharAutomaton.WithLength(CharAutomaton.Anything, 0, 20_000));
        TooLarge(() =>
            CharAutomaton.Intersect(
                RegexAutomaton.Compile("(a{199})*[^]*", search: false),
                CharAutomaton.Intersect(
                    RegexAutomaton.Compile("([^]{211})*", search: false),
                    RegexAutomaton.Compile("([^]{223})*", search: false)
                )
            )
        );
        Assert.Equal(
            10_001,
            CharAutomaton.WithLength(CharAutomaton.Anything, 0, 10_000).StateCount
        );

        static void TooLarge(Action action) =>
            Assert.Contains(
                "too large",
                Assert.Throws<GrammarException>(action).Message,
                StringComparison.Ordinal
            );
    }

    private static string RandomWord(Random random)
    {
        var word = new StringBuilder();
        for (int i = random.Next(4, 16); i > 0; i--)
        {
            int c = random.Next(20) == 0 ? random.Next(0x4E00, 0x9000) : random.Next('0', 'z');
            word.Append((char)c);
        }
        return word.ToString();
    }

    private static long CountTexts(CharAutomaton automaton)
    {
        var counts = new long?[automaton.StateCount];
        return Count(automaton.Start);

        long Count(int state)
        {
            if (counts[state] is { } known)
                return known;
            long count = automaton.Accepts(state) ? 1 : 0;
            foreach (int target in automaton.ListedTargets(state))
                count += Count(target);
            counts[state] = count;
            return count;
        }
    }

    /// <summary>An automaton accepts of the short texts those that it should, and has no state that leads nowhere.</summary>
    private static void CheckAutomaton(CharAutomaton automaton, Predicate<string> accepts)
    {
        foreach (string text in s_texts)
        {
            if (accepts(text) != automaton.Matches(text))
                Assert.Fail($"'{text}' {accepts(text)}");
        }
        Assert.DoesNotContain(int.MaxValue, SampleTexts.Distances(automaton));
        int next = 0;
        foreach ((int first, int last, int charClass) in automaton.Ranges)
        {
            Assert.Equal(next == 0xD800 ? 0xE000 : next, first);
            Assert.InRange(charClass, 0, automaton.ClassCount - 1);
            Assert.InRange(last, first, 0x10FFFF);
            next = last + 1;
        }
        Assert.Equal(0x110000, next);
    }
}
