using Hadal.Chat;
using static Hadal.Tests.Chat.ChatParserTexts;

namespace Hadal.Tests.Chat;

/// <summary>What comes of marks that are missing, broken or cut.</summary>
public sealed class ChatParserRecoveryTests
{
    [Fact]
    public void A_section_while_thinking_ends_the_thought()
    {
        string section = Calls(Call("now"));
        ChatParserResult result = ChatParserResult.Of("hm" + section, thinking: true);
        Assert.Equal(("hm", ""), (result.Reasoning, result.Content));
        Assert.Equal([("now", "{}")], result.Calls);

        // The end of the thought that comes late is still a mark, but only once.
        result = ChatParserResult.Of(
            $"hm{section}\n</think>\nDone</think>.{Calls(Call("now"))}",
            thinking: true
        );
        Assert.Equal(("hm", "\nDone</think>."), (result.Reasoning, result.Content));
        Assert.Equal(2, result.Calls.Count);

        result = ChatParserResult.Of(
            "hm" + CallsBegin + CallV31("now", "{}") + CallsEnd,
            ChatFormat.V31,
            thinking: true
        );
        Assert.Equal(("hm", ""), (result.Reasoning, result.Content));
        Assert.Equal([("now", "{}")], result.Calls);
    }

    [Fact]
    public void An_invoke_while_thinking_ends_the_thought()
    {
        ChatParserResult result = ChatParserResult.Of("hm\n" + Call("now"), thinking: true);
        Assert.Equal(("hm", ""), (result.Reasoning, result.Content));
        Assert.Equal([("now", "{}")], result.Calls);
    }

    [Theory]
    [InlineData("A{0}\n{1}B{0}\n{2}\n{3}")] // whole
    [InlineData("A\n{1}B{0}\n{2}\n{3}")] // before the next
    [InlineData("A{1}B{0}\n{2}\n{3}")]
    [InlineData("A{0}\n{1}B\n{2}\n{3}")] // before the end of the call
    [InlineData("A{0}\n{1}B{2}\n{3}")]
    [InlineData("A{0}\n{1}B\n{3}")] // that is left out, too
    [InlineData("A\n{1}B")] // at the end
    [InlineData("A{0}\n{1}B{0}")]
    [InlineData("A{0}\n{1}B{0}\n{2}")]
    [InlineData("A{0}\n{1}B{0}{0}\n{2}\n{2}\n{3}")] // twice
    [InlineData("A{0}\n{1}B</｜DSML｜param")] // half there
    [InlineData("A{0}\n{1}B{0}\n{2}\n</｜DSML｜function_calls")]
    public void End_tags_left_out_or_broken_lose_nothing(string rest)
    {
        string text =
            $"\n\n{Section}\n{Invoke("f")}\n{Open("a")}"
            + string.Format(
                System.Globalization.CultureInfo.InvariantCulture,
                rest,
                ParameterEnd,
                Open("b"),
                InvokeEnd,
                SectionEnd
            );
        ChatParserResult result = ChatParserResult.Of(text);
        Assert.Equal([("f", """{"a": "A", "b": "B"}""")], result.Calls);
        Assert.Equal("", result.Content);
    }

    [Theory]
    [InlineData("{0}")]
    [InlineData("\n{0}")]
    [InlineData("</｜DSML｜parameter>\n{0}")]
    public void The_next_invoke_ends_a_call(string between)
    {
        string text =
            Invoke("f")
            + Open("a")
            + "A"
            + between.Replace("{0}", Invoke("g"))
            + Parameter("b", "1", isString: false)
            + SectionEnd;
        Assert.Equal(
            [("f", """{"a": "A"}"""), ("g", """{"b": 1}""")],
            ChatParserResult.Of(text).Calls
        );
    }

    [Fact]
    public void A_section_begun_again_ends_a_call()
    {
        string text = Invoke("f") + "\n" + Section + "\n" + Call("g") + SectionEnd;
        ChatParserResult result = ChatParserResult.Of(text);
        Assert.Equal(["f", "g"], result.Calls.Select(call => call.Name));
        Assert.Equal("", result.Content);
    }

    [Fact]
    public void An_invoke_needs_no_section()
    {
        ChatParserResult result = ChatParserResult.Of(
            "Hello\n\n" + Call("f", Parameter("a", "A")) + SectionEnd + "\n"
        );
        Assert.Equal("Hello", result.Content);
        Assert.Equal([("f", """{"a": "A"}""")], result.Calls);
    }

    [Fact]
    public void A_section_needs_no_end_and_no_calls()
    {
        string section = Calls(Call("f"))[..^SectionEnd.Length];
        ChatParserResult result = ChatParserResult.Of("Hello" + section);
        Assert.Equal("Hello", result.Content);
        Assert.Equal([("f", "{}")], result.Calls);

        result = ChatParserResult.Of("Hello" + section + "Bye <");
        Assert.Equal("Hello\nBye <", result.Content);
        Assert.Equal([("f", "{}")], result.Calls);

        result = ChatParserResult.Of($"Hello\n\n{Section}\n{SectionEnd}");
        Assert.Equal("Hello", result.Content);
        Assert.Empty(result.Calls);
    }

    [Fact]
    public void Text_beside_calls_is_content()
    {
        string text = $"a{Calls("b", Call("f"), "c", Call("g"))} d{Calls(Call("h"))}e\n";
        ChatParserResult result = ChatParserResult.Of(text);
        Assert.Equal("a\nb\nc de\n", result.Content);
        Assert.Equal(["f", "g", "h"], result.Calls.Select(call => call.Name));
    }

    [Fact]
    public void Text_inside_a_call_is_content_after_it()
    {
        string call =
            $"{Invoke("f")} a{Parameter("p", "1")}b\n\n{Parameter("q", "2")}\n{InvokeEnd}c";
        ChatParserResult result = ChatParserResult.Of(call);
        Assert.Equal([("f", """{"p": "1", "q": "2"}""")], result.Calls);
        Assert.Equal(new ChatDelta(ChatDeltaKind.Content, " abc"), result.Joined[^1]);
        // A call that is cut as well.
        result = ChatParserResult.Of(call[..^(InvokeEnd.Length + 2)], isCut: true);
        Assert.Equal(("f", """{"p": "1", "q": "2" """[..^1]), result.HalfCall);
        Assert.Equal(" ab", result.Content);
    }

    [Theory]
    [InlineData("<｜DSML｜parameter name=p string=true>", "{\"p\": \"1\"}")]
    [InlineData("<｜DSML｜parameter string=\"true\"  name=\"p\" >", "{\"p\": \"1\"}")]
    [InlineData("<｜DSML｜parameter name=\"p\" string=\"True\">", "{\"p\": \"1\"}")]
    [InlineData("<｜DSML｜parameter name=\"p\">", "{\"p\": 1}")]
    [InlineData("<｜DSML｜parameter name=p>", "{\"p\": 1}")]
    [InlineData("<｜DSML｜parameter name=\"a>b \\\" string=\"false\">", "{\"a>b \\\\\": 1}")]
    public void Attributes_are_read_where_they_can_be(string tag, string expected)
    {
        ChatParserResult result = ChatParserResult.Of(Calls(Call("f", tag + "1" + ParameterEnd)));
        Assert.Equal([("f", expected)], result.Calls);
        Assert.Equal("", result.Content);
    }

    [Theory]
    [InlineData("<｜DSML｜parameter>")]
    [InlineData("<｜DSML｜parameter >")]
    [InlineData("<｜DSML｜parameter name=>")]
    [InlineData("<｜DSML｜parameter name=\"\">")]
    [InlineData("<｜DSML｜parameter string=\"true\">")]
    [InlineData("<｜DSML｜parameter name=\"a\" string=\"yes\">")]
    [InlineData("<｜DSML｜parameter name=\"a\" string=yes>")]
    [InlineData("<｜DSML｜parameter name=\"a\" name=\"b\">")]
    [InlineData("<｜DSML｜parameter string=true name=a string=true>")]
    [InlineData("<｜DSML｜parameter name=\"a\"b\">")]
    [InlineData("<｜DSML｜parameter nom=\"a\">")]
    [InlineData("<｜DSML｜parameter name=\"a>")]
    [InlineData("<｜DSML｜parameter name=\"a\" string=\"true\" x=\"1\">")]
    [InlineData("<｜DSML｜parameter name=\"a<b\">")]
    public void A_tag_that_cannot_be_read_is_text_where_it_stands(string tag)
    {
        // In the value of another.
        ChatParserResult result = ChatParserResult.Of(
            Calls(Call("f", Parameter("p", $"1{tag}\n2", isString: true)))
        );
        string escaped = tag.Replace("\"", "\\\"");
        Assert.Equal([("f", $"{{\"p\": \"1{escaped}\\n2\"}}")], result.Calls);
        Assert.Equal("", result.Content);

        // Inside a call.
        result = ChatParserResult.Of(Calls(Call("f", tag + "1" + ParameterEnd)));
        Assert.Equal([("f", "{}")], result.Calls);
        Assert.Equal($"\n{tag}1", result.Content);

        // In the content.
        tag = tag.Replace("parameter", "invoke");
        Assert.Equal($"a {tag} b", ChatParserResult.Of($"a {tag} b").Content);
    }

    [Fact]
    public void A_section_that_is_cut_has_no_ghost_of_a_call()
    {
        string first = Calls(Call("now"))[..^SectionEnd.Length];
        string second = Call("f", Parameter("a", "A<b"), Parameter("b", "[1, 2]", isString: false));
        string whole = """{"a": "A<b", "b": [1, 2]}""";
        for (int length = 0; length <= second.Length; length++)
        {
            ChatParserResult result = ChatParserResult.Of(
                "Hello" + first + second[..length],
                isCut: true
            );
            Assert.Equal("Hello", result.Content);
            bool isWhole = length >= second.TrimEnd().Length;
            Assert.Equal(isWhole ? [("now", "{}"), ("f", whole)] : [("now", "{}")], result.Calls);
            Assert.Equal(
                !isWhole && length >= Invoke("f").Length ? "f" : null,
                result.HalfCall?.Name
            );
            Assert.StartsWith(result.HalfCall?.Arguments ?? "", whole);
        }
    }

    [Fact]
    public void A_V3_1_section_that_is_cut_has_no_ghost_of_a_call()
    {
        string whole = """{"a": "A<b", "b": [1, 2]}""";
        string second = CallV31("f", whole);
        for (int length = 0; length <= second.Length; length++)
        {
            ChatParserResult result = ChatParserResult.Of(
                CallsBegin + CallV31("now", "{}") + second[..length],
                ChatFormat.V31,
                isCut: true
            );
            Assert.Equal("", result.Content);
            bool isWhole = length == second.Length;
            Assert.Equal(isWhole ? [("now", "{}"), ("f", whole)] : [("now", "{}")], result.Calls);
            bool isHalf = !isWhole && length > (CallBegin + "f" + Separator).Length - 1;
            Assert.Equal(isHalf ? "f" : null, result.HalfCall?.Name);
            Assert.StartsWith(result.HalfCall?.Arguments ?? "", whole);
        }
    }

    [Theory]
    [InlineData("{B}{b}f{s}{\"a\": 1}{b}g{s}{}{E}")] // call end before the next
    [InlineData("{B}{b}f{s}{\"a\": 1}{e}{b}g{s}{}{E}")] // before the end of the section
    [InlineData("{B}{b}f{s}{\"a\": 1}{e}{b}g{s}{}{e}")] // section end
    [InlineData("{B}{b}f{s}{\"a\": 1}{e}{b}g{s}{}")] // both
    [InlineData("{b}f{s}{\"a\": 1}{e}\n{b}g{s}{}{e}{E}")] // section begin
    [InlineData("{b}f{s}{\"a\": 1}{e}{b}g{s}{}{e}")]
    [InlineData("{B}{b} f\n{s}{\"a\": 1}{e}{e}{b}g{s}{e}{E}")] // arguments
    [InlineData("{B}{b}f{s}{\"a\": 1}{e}{b}g{s}\n{e}{E}")]
    [InlineData("{B}{b}f{s}{\"a\": 1}{e}{b}g{e}{E}")] // separator
    [InlineData("{B}{b}f{s}{\"a\": 1}{e}{b}g{E}")]
    [InlineData("{B}{b}f{s}{\"a\": 1}{e}{b}g{B}")]
    [InlineData("{B}{b}f{s}{\"a\": 1}{e}{b}g")]
    [InlineData("{B}{b}f{s}{\"a\": 1}{e}{b}g{s}{}{e}{b}{e}{E}")] // an empty call
    [InlineData("{B}{b}f{s}{\"a\": 1}{e}{b}g{s}{}<｜tool▁call▁en")] // half a mark
    public void V3_1_marks_left_out_lose_nothing(string pattern)
    {
        string text = pattern
            .Replace("{B}", CallsBegin)
            .Replace("{E}", CallsEnd)
            .Replace("{b}", CallBegin)
            .Replace("{e}", CallEnd)
            .Replace("{s}", Separator);
        ChatParserResult result = ChatParserResult.Of(text, ChatFormat.V31);
        Assert.Equal([("f", "{\"a\": 1}"), ("g", "{}")], result.Calls);
        Assert.Equal("", result.Content);
    }

    [Fact]
    public void Text_beside_V3_1_calls_is_content()
    {
        string text =
            $"a\n\n{CallsBegin}b{CallV31("f", "{}")} c{CallsEnd} d{CallsBegin}{CallsEnd}{CallEnd}";
        ChatParserResult result = ChatParserResult.Of(text, ChatFormat.V31);
        Assert.Equal($"a\n\nb c d{CallEnd}", result.Content);
        Assert.Equal([("f", "{}")], result.Calls);
    }

    [Fact]
    public void Half_a_surrogate_pair_waits_for_the_other()
    {
        ChatParserResult result = ChatParserResult.Of(["a\ud83d", "\udc22b", "\udc22\ud83d", "c"]);
        Assert.Equal("a🐢b\ufffd\ufffdc", result.Content);
        Assert.Equal(
            ["a", "🐢b", "\ufffd", "\ufffdc"],
            result.Steps.SelectMany(step => step).Select(delta => delta.Text)
        );
        Assert.Equal("\ufffd", ChatParserResult.Of("\ud83d").Content);
    }
}
