using Hadal.Chat;
using static Hadal.Tests.Chat.ChatParserTexts;

namespace Hadal.Tests.Chat;

/// <summary>Stop strings are those of the content.</summary>
public sealed class ChatParserStopTests
{
    [Fact]
    public void Nothing_comes_out_of_a_stop_string_over_four_tokens()
    {
        var parser = new ChatParser(ChatFormat.V32, false, true, ["</answer>"]);
        List<ChatDelta> deltas = [];
        foreach (string piece in (string[])["It is 4.", "</", "ans", "wer", "> and more", "!"])
            parser.Append(piece, deltas);
        Assert.True(parser.IsStopped);
        parser.Complete(false, deltas);
        Assert.Equal([new ChatDelta(ChatDeltaKind.Content, "It is 4.")], deltas);
    }

    [Theory]
    [InlineData("xabc", "bc,abc,c", "abc")]
    [InlineData("xabc", "b,abc", "b")]
    [InlineData("xab", "abc", null)]
    public void Stop_string_that_came_is_told(string text, string stops, string? came)
    {
        var parser = new ChatParser(ChatFormat.V32, false, false, stops.Split(','));
        parser.Append(text, []);
        Assert.Equal(came, parser.StopString);
        Assert.Equal(came is not null, parser.IsStopped);
    }

    [Fact]
    public void A_beginning_of_a_stop_string_comes_out_at_the_end()
    {
        ChatParserResult result = ChatParserResult.Of("ab", stops: "bc");
        Assert.Equal(("ab", false), (result.Content, result.IsStopped));
    }

    [Fact]
    public void The_end_of_a_thought_and_a_stop_string_in_one_piece()
    {
        ChatParserResult result = ChatParserResult.Of(
            "I STOP here</think>It is 4. STOP x</think>",
            thinking: true,
            stops: "STOP"
        );
        Assert.Equal(("I STOP here", "It is 4. "), (result.Reasoning, result.Content));
        Assert.True(result.IsStopped);
    }

    [Fact]
    public void Of_calls_nothing_is_a_stop_string()
    {
        string text = "a" + Calls(Call("STOP", Parameter("STOP", "STOP")));
        ChatParserResult result = ChatParserResult.Of(text, stops: ["STOP", "\n", "invoke"]);
        Assert.Equal([("STOP", """{"STOP": "STOP"}""")], result.Calls);
        Assert.Equal(("a", false), (result.Content, result.IsStopped));
    }

    [Fact]
    public void A_stop_string_does_not_reach_across_calls()
    {
        ChatParserResult result = ChatParserResult.Of(
            "ST" + Calls(Call("now")) + "OP",
            stops: "STOP"
        );
        Assert.Equal(("STOP", false), (result.Content, result.IsStopped));
        Assert.Equal("ST", result.Joined[0].Text);
    }

    [Fact]
    public void After_a_stop_string_there_are_no_calls()
    {
        ChatParserResult result = ChatParserResult.Of("aSTOP" + Calls(Call("now")), stops: "STOP");
        Assert.Equal("a", result.Content);
        Assert.Empty(result.Calls);

        // The text inside the first call is content after it.
        result = ChatParserResult.Of(
            Invoke("a") + "xSTOP" + Invoke("b") + InvokeEnd,
            stops: "STOP"
        );
        Assert.Equal(["a"], result.Calls.Select(call => call.Name));
        Assert.Equal("x", result.Content);
    }

    [Fact]
    public void The_beginning_of_a_stop_string_inside_a_call_comes_out_after_it()
    {
        ChatParserResult result = ChatParserResult.Of(
            Invoke("a") + "xST" + Invoke("b") + InvokeEnd + "OP",
            stops: "STOP"
        );
        Assert.Equal(["a", "b"], result.Calls.Select(call => call.Name));
        Assert.Equal(("xSTOP", false), (result.Content, result.IsStopped));
        Assert.Equal("xST", Assert.Single(result.Joined, delta => delta.Text == "xST").Text);
    }

    [Fact]
    public void White_space_before_content_can_be_a_stop_string()
    {
        ChatParserResult result = ChatParserResult.Of("\n\nHello", stops: "\n\n");
        Assert.Equal(("", true), (result.Content, result.IsStopped));
    }
}
