using System.Buffers;
using System.Diagnostics;
using Hadal.Generation;

namespace Hadal.Tests.Generation;

public sealed class StopMatcherTests
{
    [Fact]
    public void A_stop_string_across_tokens_is_cut_out_and_ends_the_generation()
    {
        var matcher = new StopMatcher(new() { Strings = ["STOP"] });
        Assert.Equal("ab", Push(matcher, "abS"));
        Assert.Equal("", Push(matcher, "T"));
        Assert.Equal("", Push(matcher, "OP and more"));
        Assert.Equal(FinishReason.Stop, matcher.FinishReason);
        Assert.Equal("", Complete(matcher, "tail"));
    }

    [Fact]
    public void A_beginning_that_does_not_complete_is_passed_on()
    {
        var matcher = new StopMatcher(new() { Strings = ["aab"] });
        Assert.Equal("", Push(matcher, "aa"));
        Assert.Equal("a", Push(matcher, "a")); // "aa" may still begin the stop string
        Assert.Equal("aac", Push(matcher, "c"));
        Assert.Equal("", Push(matcher, "aa"));
        Assert.Null(matcher.FinishReason);
        Assert.Equal("aa", Complete(matcher, ""));
        Assert.Equal(FinishReason.Cancelled, matcher.FinishReason);
    }

    [Fact]
    public void The_string_that_is_whole_first_wins_and_of_those_the_longest()
    {
        var matcher = new StopMatcher(new() { Strings = ["world!", "lo", "hello"] });
        Assert.Equal("say ", Push(matcher, "say hello world!"));
        Assert.Equal(FinishReason.Stop, matcher.FinishReason);
    }

    [Fact]
    public void A_stop_token_gives_no_text_but_frees_what_was_held()
    {
        var matcher = new StopMatcher(new() { Strings = ["xyz"], Tokens = [7] });
        Assert.Equal("", Push(matcher, "xy"));
        Assert.Equal("", Push(matcher, "</s>", token: 7));
        Assert.Equal(FinishReason.Stop, matcher.FinishReason);
        Assert.Equal("xy", Complete(matcher, ""));
        Assert.Equal(2, matcher.TokenCount);
    }

    [Fact]
    public void The_limit_counts_tokens_and_a_stop_on_the_last_one_is_a_stop()
    {
        var matcher = new StopMatcher(new() { MaxTokens = 2, Tokens = [7] });
        Assert.Equal("a", Push(matcher, "a"));
        Assert.Null(matcher.FinishReason);
        Assert.Equal("b", Push(matcher, "b"));
        Assert.Equal(FinishReason.Length, matcher.FinishReason);

        matcher = new StopMatcher(new() { MaxTokens = 1, Tokens = [7] });
        Push(matcher, "", token: 7);
        Assert.Equal(FinishReason.Stop, matcher.FinishReason);
    }

    [Fact]
    public void What_must_be_longer_ends_at_nothing_but_the_limit()
    {
        StopConditions stop = new()
        {
            Strings = ["ab"],
            Tokens = [7],
            MinTokens = 2,
        };
        var matcher = new StopMatcher(stop);
        Assert.Equal([7], matcher.RuledOut);
        Assert.Equal("ab", Push(matcher, "ab"));
        Assert.Equal([7], matcher.RuledOut);
        Assert.Equal("a", Push(matcher, "a"));
        Assert.Empty(matcher.RuledOut.ToArray());
        Assert.Equal("b", Push(matcher, "b")); // "ab" is not of the text that is searched
        Assert.Equal("", Push(matcher, "ab"));
        Assert.Equal(FinishReason.Stop, matcher.FinishReason);
        var limited = new StopMatcher(stop with { MaxTokens = 2 });
        Push(limited, "a");
        Push(limited, "b");
        Assert.Equal(FinishReason.Length, limited.FinishReason);
    }

    [Fact]
    public void The_tail_is_matched_too()
    {
        var matcher = new StopMatcher(new() { Strings = ["a\uFFFD"], MaxTokens = 1 });
        Assert.Equal("b", Push(matcher, "ba"));
        Assert.Equal("", Complete(matcher, "\uFFFD"));
        Assert.Equal(FinishReason.Length, matcher.FinishReason);
    }

    [Fact]
    public void A_token_after_the_end_is_refused()
    {
        var matcher = new StopMatcher(new() { MaxTokens = 1 });
        Push(matcher, "a");
        Assert.Throws<InvalidOperationException>(() => Push(matcher, "b"));
    }

    [Fact]
    public void Random_streams_agree_with_a_search_of_the_whole_text()
    {
        var random = new Random(11);
        for (int round = 0; round < 20000; round++)
        {
            string text = RandomText(random, random.Next(24));
            string[] stops =
            [
                .. Enumerable
                    .Range(0, random.Next(4))
                    .Select(_ => RandomText(random, random.Next(1, 5))),
            ];
            (string expected, bool stopped) = Search(text, stops);
            var matcher = new StopMatcher(new() { Strings = stops });
            string actual = "";
            for (int at = 0; at < text.Length && matcher.FinishReason is null; )
            {
                int n = Math.Min(random.Next(4), text.Length - at);
                actual += Push(matcher, text.Substring(at, n));
                at += n;
                // Nothing is held back but what some stop string still claims.
                string held = matcher.FinishReason is null ? text[actual.Length..at] : "";
                Assert.True(
                    held.Length == 0
                        || stops.Any(s =>
                            s.Length > held.Length && s.StartsWith(held, StringComparison.Ordinal)
                        )
                );
            }
            Assert.Equal(stopped, matcher.FinishReason == FinishReason.Stop);
            actual += Complete(matcher, "");
            Assert.Equal(expected, actual);
        }
    }

    [Fact]
    public void Many_stop_strings_agree_with_a_search_of_the_whole_text()
    {
        var random = new Random(12);
        for (int round = 0; round < 20; round++)
        {
            string text = RandomText(random, 300);
            string[] stops =
            [
                .. Enumerable.Range(0, 1000).Select(_ => RandomText(random, random.Next(8, 30))),
            ];
            (string expected, bool stopped) = Search(text, stops);
            var matcher = new StopMatcher(new() { Strings = stops });
            string actual = "";
            for (int at = 0; at < text.Length && matcher.FinishReason is null; at++)
                actual += Push(matcher, text.Substring(at, 1));
            Assert.Equal(stopped, matcher.FinishReason == FinishReason.Stop);
            Assert.Equal(expected, actual + Complete(matcher, ""));
        }
    }

    [Fact]
    public void A_long_stop_string_of_one_letter_matches_where_it_ends()
    {
        string stop = new('a', 100_000);
        var matcher = new StopMatcher(new() { Strings = [stop] });
        string almost = new('a', 99_999);
        Assert.Equal("b", Push(matcher, "b" + almost[1..]));
        Assert.Equal(almost[1..] + "b", Push(matcher, "b"));
        for (int i = 0; i < 99_999; i++)
            Assert.Equal("", Push(matcher, "a"));
        Assert.Equal("", Push(matcher, "ab"));
        Assert.Equal(FinishReason.Stop, matcher.FinishReason);
    }

    /// <summary>
    /// A second; a minute and more if each beginning that is held were looked for on its own. The bound is generous.
    /// </summary>
    [Fact]
    public void Time_is_that_of_the_text()
    {
        string text = new string('a', 999_999) + "c";
        var matcher = new StopMatcher(new() { Strings = [new string('a', 1_000_000)] });
        var output = new ArrayBufferWriter<char>(2 * text.Length);
        var clock = Stopwatch.StartNew();
        for (int i = 0; i < 2; i++)
            Assert.Null(matcher.Push(0, text, output));
        Assert.Equal(2 * text.Length, output.WrittenCount);
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(45));
    }

    [Fact]
    public void Steady_state_allocates_nothing()
    {
        var matcher = new StopMatcher(new() { Strings = ["never to be"], Tokens = [7] });
        var output = new ArrayBufferWriter<char>(1 << 16);
        matcher.Push(1, "warm up n", output);
        Action round = () =>
        {
            for (int i = 0; i < 1000; i++)
                matcher.Push(1, "ever to never ", output);
        };
        Assert.Equal(0, Allocations.Of(round));
    }

    [Fact]
    public void Bad_conditions_are_named()
    {
        Assert.Contains(
            "Strings[1]",
            Assert
                .Throws<ArgumentException>(() => new StopConditions { Strings = ["a", ""] })
                .Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "Tokens[0] is -1",
            Assert.Throws<ArgumentException>(() => new StopConditions { Tokens = [-1] }).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "MaxTokens",
            Assert
                .Throws<ArgumentOutOfRangeException>(() => new StopConditions { MaxTokens = 0 })
                .Message,
            StringComparison.Ordinal
        );
    }

    /// <summary>The text before the stop string that ends first (of those the longest), over the whole text.</summary>
    private static (string Text, bool Stopped) Search(string text, string[] stops)
    {
        for (int end = 1; end <= text.Length; end++)
        {
            string? stop = stops
                .Where(s => text[..end].EndsWith(s, StringComparison.Ordinal))
                .MaxBy(s => s.Length);
            if (stop is not null)
                return (text[..(end - stop.Length)], true);
        }
        return (text, false);
    }

    private static string RandomText(Random random, int length) =>
        string.Concat(Enumerable.Range(0, length).Select(_ => "ab"[random.Next(2)]));

    private static string Push(StopMatcher matcher, string text, int token = 100)
    {
        var output = new ArrayBufferWriter<char>();
        Assert.Equal(matcher.Push(token, text, output), matcher.FinishReason);
        return output.WrittenSpan.ToString();
    }

    private static string Complete(StopMatcher matcher, string tail)
    {
        var output = new ArrayBufferWriter<char>();
        matcher.Complete(tail, output);
        return output.WrittenSpan.ToString();
    }
}
