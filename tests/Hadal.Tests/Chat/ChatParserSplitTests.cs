using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Hadal.Chat;
using static Hadal.Tests.Chat.ChatParserTexts;

namespace Hadal.Tests.Chat;

/// <summary>Whatever the text and however it is split: the same comes out, all of it, and as early as it can.</summary>
public sealed partial class ChatParserSplitTests
{
    [Theory]
    [InlineData(ChatFormat.V31)]
    [InlineData(ChatFormat.V32)]
    public void An_answer_is_the_same_in_pieces_of_every_size(ChatFormat format)
    {
        string text = format == ChatFormat.V31 ? AnswerV31 : AnswerV32;
        ChatParserResult whole = ChatParserResult.Of(text, format, thinking: true);
        Assert.Equal(2, whole.Calls.Count);
        int longest = ("\n\n" + SectionEnd).Length;
        for (int size = 1; size <= longest + 1; size++)
        {
            ChatParserResult split = ChatParserResult.Of(
                ChatParserResult.Pieces(text, size),
                format,
                thinking: true
            );
            Assert.Equal(whole.Joined, split.Joined);
        }
        for (int at = 0; at <= text.Length; at++)
        {
            string[] pieces = [text[..at], text[at..]];
            Assert.Equal(whole.Joined, ChatParserResult.Of(pieces, format, true).Joined);
        }
    }

    [Fact]
    public void Any_text_is_the_same_however_it_is_split()
    {
        int calls = 0;
        ChatParserFuzz.ForAll(
            (random, format, thinking, text) =>
            {
                // Half surrogate pairs, in places where the other half may be in another piece.
                text = text.Replace("é", random.Next(4) == 0 ? "\ud83d" : "🐢");
                bool isCut = random.Next(2) == 0;
                bool hasTools = random.Next(8) != 0;
                string[] stops = random.Next(4) == 0 ? ["\n<", "[1, ", "\n\n\n"] : [];
                ChatParserResult whole = Parse([text]);
                Assert.Equal(whole.Joined, Parse(ChatParserResult.Pieces(text, 1)).Joined);
                List<string> pieces = [];
                for (int at = 0; at < text.Length; at += pieces[^1].Length)
                    pieces.Add(text[at..Math.Min(text.Length, at + random.Next(1, 20))]);
                Assert.Equal(whole.Joined, Parse(pieces).Joined);
                calls += whole.Calls.Count;

                ChatParserResult Parse(IEnumerable<string> parts) =>
                    ChatParserResult.Of(parts, format, thinking, hasTools, isCut, stops);
            }
        );
        Assert.InRange(calls, ChatParserFuzz.Count / 2, int.MaxValue);
    }

    [Fact]
    public void Any_text_is_what_the_rules_say_of_the_whole()
    {
        ChatParserFuzz.ForAll(
            (_, format, thinking, text) =>
            {
                text += "\n末"; // No mark is unfinished.
                var expected = ChatParserOracle.Of(text, format, thinking);
                ChatParserResult result = ChatParserResult.Of(
                    ChatParserResult.Pieces(text, 3),
                    format,
                    thinking
                );
                Assert.Equal(expected.Reasoning, result.Reasoning);
                Assert.Equal(expected.Calls, result.Calls);
                Assert.Equal(expected.Content, result.Content);
            }
        );
    }

    [Fact]
    public void No_character_is_lost_or_comes_twice()
    {
        ChatParserFuzz.ForAll(
            (random, format, thinking, text) =>
            {
                bool isCut = random.Next(2) == 0;
                ChatParserResult result = ChatParserResult.Of(
                    [text],
                    format,
                    thinking,
                    true,
                    isCut
                );
                string output =
                    result.Reasoning
                    + result.Content
                    + string.Concat(result.Calls)
                    + result.HalfCall;
                // Inside a section a tag that the text ends in is dropped; of a call that is cut what is undecided is.
                int end = text.Length - UnfinishedTag().Match(text).Length;
                bool isUndecided =
                    isCut && (result.HalfCall is not null || format == ChatFormat.V31);
                int cut = isUndecided ? LastEnd(text) : end;
                foreach (char c in text.Where(IsOnce))
                {
                    int count = output.Count(o => o == c);
                    Assert.InRange(count, text.IndexOf(c) < Math.Min(end, cut) ? 1 : 0, 1);
                }
            }
        );

        static int LastEnd(string text) =>
            new[] { ParameterEnd, InvokeEnd, SectionEnd, CallEnd, CallsEnd }.Max(mark =>
                text.LastIndexOf(mark, StringComparison.Ordinal)
            );
    }

    [Fact]
    public void The_arguments_of_any_V3_2_call_are_an_object()
    {
        ChatParserFuzz.ForAll(
            (random, _, thinking, text) =>
            {
                text = text.Replace("é", random.Next(2) == 0 ? "\ud83d" : "\u0000\u0007\r");
                foreach (var call in ChatParserResult.Of(text, thinking: thinking).Calls)
                {
                    using var document = JsonDocument.Parse(call.Arguments);
                    Assert.Equal(JsonValueKind.Object, document.RootElement.ValueKind);
                }
            },
            ChatFormat.V32
        );
    }

    /// <summary>The marks that may come after a text; where attributes may follow, up to those.</summary>
    public static TheoryData<ChatFormat, string, string[]> Marks =>
        new()
        {
            { ChatFormat.V31, "a", [CallsBegin, CallBegin] },
            { ChatFormat.V31, CallBegin + "f" + Separator + "{", [CallEnd, CallsEnd, CallBegin] },
            { ChatFormat.V32, "a", ["\n\n" + Section, "\n\n<｜DSML｜invoke "] },
            {
                ChatFormat.V32,
                Invoke("f") + Open("p"),
                [
                    ParameterEnd,
                    "\n" + InvokeEnd,
                    "\n" + SectionEnd,
                    "\n<｜DSML｜invoke ",
                    "\n<｜DSML｜parameter ",
                ]
            },
        };

    [Theory]
    [MemberData(nameof(Marks))]
    public void No_more_is_held_back_than_may_begin_a_mark(
        ChatFormat format,
        string before,
        string[] marks
    )
    {
        string[] all =
        [
            .. marks,
            .. marks.Select(mark => mark.TrimStart('\n')),
            .. marks.Where(mark => mark[0] == '\n').Select(mark => mark[1..]),
        ];
        for (int seed = 0; seed < ChatParserFuzz.Count / 10; seed++)
        {
            var random = new Random(seed);
            var text = new StringBuilder();
            for (int i = 0; i < 10; i++)
            {
                string mark = all[random.Next(all.Length)];
                text.Append(mark.AsSpan(0, random.Next(mark.Length)))
                    .Append("x<\n".AsSpan(0, random.Next(4)));
            }
            var parser = new ChatParser(format, false, true);
            List<ChatDelta> deltas = [];
            parser.Append(before, deltas);
            deltas.Clear();
            for (int length = 1; length <= text.Length; length++)
            {
                string sofar = text.ToString(0, length);
                if (all.Any(sofar.Contains))
                    break;
                parser.Append(sofar.AsSpan(length - 1), deltas);
                int held = Enumerable
                    .Range(0, Math.Min(length, 40) + 1)
                    .Last(n =>
                        n == 0
                        || all.Any(mark => mark.StartsWith(sofar[^n..], StringComparison.Ordinal))
                    );
                Assert.Equal(
                    sofar[..^held]
                        .Replace("\n", format == ChatFormat.V32 && before != "a" ? "\\n" : "\n"),
                    string.Concat(deltas.Select(delta => delta.Text))
                );
            }
        }
    }

    /// <summary>A parser that read again what it holds would hold more and more.</summary>
    [Theory]
    [InlineData("<")]
    [InlineData("\n")]
    [InlineData("<｜DSML｜")]
    [InlineData("<｜DSML｜parameter ")]
    [InlineData("\n<｜DSML｜parameter name=\"x")]
    [InlineData("</｜DSML｜parameter")]
    [InlineData("</｜DSML｜function_calls")]
    public void What_is_held_back_of_a_long_text_stays_short(string repeated)
    {
        const int Length = 300_000;
        foreach (string before in (string[])["a", Invoke("f") + Open("p")])
        {
            var parser = new ChatParser(ChatFormat.V32, false, true);
            parser.Append(before, []);
            List<ChatDelta> deltas = [];
            int longestDelta = 0;
            long sum = 0;
            for (int i = 0; i < Length; i++)
            {
                parser.Append(repeated.AsSpan(i % repeated.Length, 1), deltas);
                if (deltas.Count == 0)
                    continue;
                int length = Assert.Single(deltas).Text.Replace("\\", "").Length;
                longestDelta = Math.Max(longestDelta, length);
                sum += length;
                deltas.Clear();
            }
            Assert.InRange(longestDelta, 1, 40);
            Assert.InRange(sum, Length - 40, Length);
        }
    }

    private static bool IsOnce(char c) => c is >= '\u4e00' and < '\u9000' and not '末';

    [GeneratedRegex("<｜DSML｜(invoke|parameter) [^<\n]*$")]
    private static partial Regex UnfinishedTag();
}
