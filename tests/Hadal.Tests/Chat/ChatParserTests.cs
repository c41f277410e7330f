using System.Text.Json;
using System.Text.Json.Nodes;
using Hadal.Chat;
using static Hadal.Tests.Chat.ChatParserTexts;

namespace Hadal.Tests.Chat;

/// <summary>Whole answers, and cases from bug reports about other parsers.</summary>
public sealed class ChatParserTests
{
    [Fact]
    public void A_thought_content_and_calls_in_V3_2()
    {
        ChatParserResult result = ChatParserResult.Of(AnswerV32, thinking: true);
        Assert.Equal("a <thought>\n</thin", result.Reasoning);
        Assert.Equal("Hello <｜DSM\n🐢", result.Content);
        Assert.Equal(
            [
                (
                    "get_depth",
                    """{"place": "Challenger \"Deep\"\n2>&1 </｜DSML｜para 🐢\n", "n": [1, {"a": 2.50}]}"""
                ),
                ("now", "{}"),
            ],
            result.Calls
        );
    }

    [Fact]
    public void A_thought_content_and_calls_in_V3_1()
    {
        ChatParserResult result = ChatParserResult.Of(AnswerV31, ChatFormat.V31, thinking: true);
        Assert.Equal("a <thought>\n</thin", result.Reasoning);
        Assert.Equal("Hello <｜tool▁cal\n🐢", result.Content);
        Assert.Equal(
            [
                ("get_depth", "{\"place\": \"<｜tool▁call▁en 🐢\", \"n\": {\"a\": {}}}"),
                ("now", "{}"),
            ],
            result.Calls
        );
    }

    [Theory]
    [InlineData("<｜DSM some text")]
    [InlineData("<｜DSM")]
    [InlineData("a\n\n<｜DSML｜function_call s")]
    [InlineData("\n\n")]
    [InlineData("  two < three")]
    [InlineData("<｜DSML｜invoke> <｜DSML｜invoke nam=\"x\">")]
    public void What_only_looks_like_a_mark_is_content(string text)
    {
        Assert.Equal(text, ChatParserResult.Of(text).Content);
        Assert.Equal(text, ChatParserResult.Of(ChatParserResult.Pieces(text, 1)).Content);
        Assert.Equal(text, ChatParserResult.Of(text, isCut: true).Content);
    }

    [Fact]
    public void A_whole_V3_1_call_in_one_delta()
    {
        string text = CallsBegin + CallV31("now", "{}") + CallsEnd;
        ChatParserResult result = ChatParserResult.Of(text, ChatFormat.V31);
        Assert.Equal([("now", "{}")], result.Calls);
        Assert.Equal("", result.Content);
    }

    [Theory]
    [InlineData("{\"n\": 123}")]
    [InlineData("{\"a\": {\"b\": 1}}")]
    public void An_end_mark_in_the_delta_of_the_arguments_end_cuts_nothing(string arguments)
    {
        string[] pieces =
        [
            CallsBegin + CallBegin,
            "f",
            Separator + arguments[..4],
            arguments[4..] + CallEnd + CallsEnd,
        ];
        Assert.Equal([("f", arguments)], ChatParserResult.Of(pieces, ChatFormat.V31).Calls);
    }

    [Fact]
    public void A_command_that_ends_like_a_tag_and_an_end_tag_in_pieces()
    {
        string[] pieces =
        [
            Calls()[..^SectionEnd.Length] + Invoke("run") + "\n" + Open("command"),
            "make 2>&1",
            "</",
            "｜DS",
            "ML｜",
            "parameter",
            ">\n",
            InvokeEnd,
        ];
        ChatParserResult result = ChatParserResult.Of(pieces);
        Assert.Equal([("run", """{"command": "make 2>&1"}""")], result.Calls);
        Assert.Equal("", result.Content);
    }

    [Theory]
    [InlineData(ChatFormat.V31)]
    [InlineData(ChatFormat.V32)]
    public void A_long_string_comes_while_it_is_written(ChatFormat format)
    {
        string value = string.Concat(Enumerable.Repeat("word ", 820))[..4096];
        string begin =
            format == ChatFormat.V31
                ? CallsBegin + CallBegin + "f" + Separator + "{\"p\": \""
                : Calls()[..^SectionEnd.Length] + Invoke("f") + "\n" + Open("p");
        string end = format == ChatFormat.V31 ? "\"}" + CallEnd : ParameterEnd + InvokeEnd;
        ChatParserResult result = ChatParserResult.Of(
            [begin, .. ChatParserResult.Pieces(value, 4), end],
            format
        );
        Assert.Equal([("f", $"{{\"p\": \"{value}\"}}")], result.Calls);
        // Each piece comes out at once, but for the last ones that could begin a tag, and here are none such.
        for (int i = 0; i < 1024; i++)
            Assert.Equal(value.Substring(4 * i, 4), Assert.Single(result.Steps[i + 1]).Text);
    }

    [Fact]
    public void A_string_is_neither_trimmed_nor_read()
    {
        const string value = " line 1\nline 2\t\"x\" \\ <b>&</b> é \u0001 🐢 ";
        string text = Calls(Call("f", Parameter("p", value)));
        for (int size = 1; size < 8; size++)
        {
            ChatParserResult result = ChatParserResult.Of(ChatParserResult.Pieces(text, size));
            JsonNode arguments = JsonNode.Parse(Assert.Single(result.Calls).Arguments)!;
            Assert.Equal(value, arguments["p"]!.GetValue<string>());
        }
    }

    [Theory]
    [InlineData("null", "null")]
    [InlineData("5.0", "5.0")]
    [InlineData("[1]", "[1]")]
    [InlineData(" \n{\"a\":\n1}\t", "{\"a\":\n1}")]
    [InlineData("\"text\"", "\"text\"")]
    [InlineData("True", "\"True\"")]
    [InlineData(" [1", "\" [1\"")]
    [InlineData("1 2", "\"1 2\"")]
    [InlineData("", "\"\"")]
    public void A_value_that_is_no_string_is_passed_through_if_it_is_JSON(
        string value,
        string expected
    )
    {
        string text = Calls(Call("f", Parameter("p", value, isString: false)));
        Assert.Equal([("f", $"{{\"p\": {expected}}}")], ChatParserResult.Of(text).Calls);
    }

    [Theory]
    [InlineData("42", "\"42\"")]
    [InlineData("null", "\"null\"")]
    [InlineData("", "\"\"")]
    public void A_string_stays_one(string value, string expected)
    {
        string text = Calls(Call("f", Parameter("p", value)));
        Assert.Equal([("f", $"{{\"p\": {expected}}}")], ChatParserResult.Of(text).Calls);
    }

    [Fact]
    public void A_deep_value_is_JSON_too()
    {
        string deep = new string('[', 5000) + new string(']', 5000);
        string text = Calls(Call("f", Parameter("p", deep, isString: false)));
        Assert.Equal([("f", $"{{\"p\": {deep}}}")], ChatParserResult.Of(text).Calls);
    }

    [Fact]
    public void A_parameter_that_comes_twice_is_written_twice_and_the_last_is_read()
    {
        string text = Calls(Call("f", Parameter("p", "a"), Parameter("p", "b")));
        string arguments = Assert.Single(ChatParserResult.Of(text).Calls).Arguments;
        Assert.Equal("""{"p": "a", "p": "b"}""", arguments);
        using var document = JsonDocument.Parse(arguments);
        Assert.Equal("b", document.RootElement.GetProperty("p").GetString());
    }

    [Fact]
    public void A_result_sent_back_is_answered_with_a_thought()
    {
        ChatParserResult result = ChatParserResult.Of("x</think>y", thinking: true);
        Assert.Equal(("x", "y"), (result.Reasoning, result.Content));
    }

    [Theory]
    [InlineData(ChatFormat.V3)]
    [InlineData(ChatFormat.V31)]
    [InlineData(ChatFormat.V32)]
    public void Without_a_thought_its_end_mark_is_content(ChatFormat format)
    {
        ChatParserResult result = ChatParserResult.Of("x</think>y", format, hasTools: false);
        Assert.Equal(("", "x</think>y"), (result.Reasoning, result.Content));
        result = ChatParserResult.Of("x</think>y</think>", ChatFormat.V32, thinking: true);
        Assert.Equal(("x", "y</think>"), (result.Reasoning, result.Content));
    }

    [Fact]
    public void Without_tools_marks_are_content()
    {
        foreach (string text in (string[])[AnswerV32, AnswerV31])
        {
            ChatFormat format = text == AnswerV31 ? ChatFormat.V31 : ChatFormat.V32;
            ChatParserResult result = ChatParserResult.Of(text, format, true, hasTools: false);
            Assert.Equal("a <thought>\n</thin", result.Reasoning);
            Assert.Equal(text[(text.IndexOf("</think>") + 8)..], result.Content);
        }
    }

    [Fact]
    public void White_space_does_not_pile_up_around_calls()
    {
        string call = Call("now");
        ChatParserResult result = ChatParserResult.Of(
            $" \n\n{Calls(call, " \n", call)}\n{Calls(call)} \n"
        );
        Assert.Equal(3, result.Calls.Count);
        Assert.Equal("", result.Content);

        string v31 = $"\n{CallsBegin} {CallV31("a", "{}")}\n{CallV31("b", "{}")} {CallsEnd}\n";
        result = ChatParserResult.Of(v31, ChatFormat.V31);
        Assert.Equal(2, result.Calls.Count);
        Assert.Equal("", result.Content);
    }

    [Theory]
    [InlineData("Hello", "Hello")]
    [InlineData("Hello\n", "Hello\n")]
    [InlineData("  Hello \n\n", "  Hello \n\n")]
    public void The_blank_line_before_a_section_is_its_own(string before, string content)
    {
        ChatParserResult result = ChatParserResult.Of(before + Calls(Call("now")));
        Assert.Equal(content, result.Content);
    }

    [Fact]
    public void What_no_format_has_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new ChatParser(ChatFormat.V3, true, false));
        Assert.Throws<ArgumentException>(() => new ChatParser(ChatFormat.V3, false, true));
        Assert.Throws<ArgumentException>(() => new ChatParser(ChatFormat.V32, true, true, [""]));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            new ChatParser((ChatFormat)9, false, false)
        );
        var parser = new ChatParser(ChatFormat.V32, false, false);
        parser.Complete(false, []);
        Assert.Throws<InvalidOperationException>(() => parser.Append("", []));
        Assert.Throws<InvalidOperationException>(() => parser.Complete(false, []));
    }
}
