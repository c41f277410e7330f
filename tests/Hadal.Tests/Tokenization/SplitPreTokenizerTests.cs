using System.Text;
using System.Text.RegularExpressions;
using Hadal.Tokenization;

namespace Hadal.Tests.Tokenization;

public sealed class SplitPreTokenizerTests
{
    // Takes time that doubles with each "ab" before a "!" that never comes.
    private const string Exploding = "(?:a|ab|b)+!|.";

    [Fact]
    public void A_pattern_that_explodes_is_named_after_the_time_for_the_text_not_for_a_match()
    {
        // Each match takes well below a second, all together hours.
        string text = string.Concat(Enumerable.Repeat("ababababababababababc", 100_000));
        var splits = new SplitPreTokenizer([new Regex(Exploding, RegexOptions.CultureInvariant)]);
        var error = Assert.Throws<TokenizerException>(() =>
            splits.Split(text, new PatternBudget(TimeSpan.FromMilliseconds(300), default))
        );
        Assert.Contains($"the pattern '{Exploding}' took", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_match_without_end_is_named()
    {
        string text = string.Concat(Enumerable.Repeat("ab", 100));
        var splits = new SplitPreTokenizer([
            new Regex(Exploding, RegexOptions.CultureInvariant, TimeSpan.FromMilliseconds(300)),
        ]);
        var error = Assert.Throws<TokenizerException>(() =>
            splits.Split(text, new PatternBudget(PatternBudget.For(text), default))
        );
        Assert.Contains($"the pattern '{Exploding}' took", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_time_of_all_parts_of_a_text_counts()
    {
        var splits = new SplitPreTokenizer([new Regex(Exploding, RegexOptions.CultureInvariant)]);
        var budget = new PatternBudget(TimeSpan.FromMilliseconds(300), default);
        Assert.Throws<TokenizerException>(() =>
        {
            for (int part = 0; part < 100_000; part++)
                splits.Split("abababababababababab", budget);
        });
    }

    [Fact]
    public void Splitting_is_cancelled()
    {
        var splits = new SplitPreTokenizer([new Regex(Exploding, RegexOptions.CultureInvariant)]);
        Assert.Throws<OperationCanceledException>(() =>
            splits.Split("ab", new PatternBudget(TimeSpan.MaxValue, new(canceled: true)))
        );
    }

    [Fact]
    public void The_published_patterns_are_linear()
    {
        // Were they not, such texts would exceed the budget, 7 s, by far; linear ones take a hundredth of it.
        var random = new Random(15);
        string[] alphabets =
        [
            "a",
            " ",
            "\t\n\v\f\r ",
            "\u0001",
            "!#~",
            "0",
            "a\u0301",
            " \u3000",
            "é!\n 1",
        ];
        foreach (string alphabet in alphabets)
        {
            var text = new StringBuilder();
            while (text.Length < 200_000)
                text.Append(alphabet[random.Next(alphabet.Length)]);
            foreach (string end in (string[])["", "x"])
                TestTokenizers.V3.Encode(text + end);
        }
    }
}
