using System.Text.Json;
using Hadal.Chat;
using Hadal.Tests.Tokenization;

namespace Hadal.Tests.Chat;

public sealed class ConversationCheckTests
{
    private static readonly ChatTurn s_question = ChatTurn.User("q");

    private static readonly ToolDefinition s_tool = new(
        JsonElement.Parse("""{"name":"now","parameters":{"type":"object"}}""")
    );

    private static ChatTurn Calls(params string[] ids) =>
        ChatTurn.Assistant("") with
        {
            ToolCalls = [.. ids.Select(id => new ToolCall(id, "now", "{}"))],
        };

    private static ChatTurn CallWith(string arguments) =>
        ChatTurn.Assistant("") with
        {
            ToolCalls = [new ToolCall("a", "now", "{}"), new ToolCall("b", "now", arguments)],
        };

    public static TheoryData<string, ChatTurn[], string> Broken =>
        new()
        {
            { "is empty", [], "messages" },
            {
                "is 'x', must be an id of messages[1].tool_calls",
                [s_question, Calls("a"), ChatTurn.Tool("x", "")],
                "messages[2].tool_call_id"
            },
            {
                "'b' has no result",
                [s_question, Calls("a", "b"), ChatTurn.Tool("a", ""), s_question],
                "messages[1].tool_calls[1]"
            },
            {
                "'a' has no result",
                [s_question, Calls("a", "b"), ChatTurn.Tool("b", "")],
                "messages[1].tool_calls[0]"
            },
            { "'a' has no result", [s_question, Calls("a")], "messages[1].tool_calls[0]" },
            {
                "a call has one result",
                [s_question, Calls("a", "b"), ChatTurn.Tool("a", ""), ChatTurn.Tool("a", "")],
                "messages[3].tool_call_id"
            },
            { "no calls are before it", [s_question, ChatTurn.Tool("a", "")], "messages[1]" },
            {
                "must be an id of messages[1].tool_calls",
                [s_question, Calls("a"), ChatTurn.Tool("a", ""), ChatTurn.Tool("b", "")],
                "messages[3].tool_call_id"
            },
            {
                "no calls are before it",
                [
                    s_question,
                    Calls("a"),
                    ChatTurn.Tool("a", ""),
                    s_question,
                    ChatTurn.Tool("a", ""),
                ],
                "messages[4]"
            },
            {
                "ids must differ",
                [s_question, Calls("a", "b", "a"), ChatTurn.Tool("a", ""), ChatTurn.Tool("b", "")],
                "messages[1].tool_calls[2].id"
            },
            {
                "must be the text of a JSON object",
                [s_question, CallWith("[1]")],
                "messages[1].tool_calls[1].function.arguments"
            },
            {
                "is {\"a\":, must be the text",
                [s_question, CallWith("{\"a\":")],
                "messages[1].tool_calls[1].function.arguments"
            },
            {
                "must be the text of a JSON object",
                [s_question, CallWith("{\"\ud800\":1}")],
                "messages[1].tool_calls[1].function.arguments"
            },
            {
                "a turn of the role 'user' has calls",
                [s_question with { ToolCalls = [new ToolCall("a", "now", "{}")] }],
                "messages[0].tool_calls"
            },
        };

    [Theory]
    [MemberData(nameof(Broken))]
    public void A_broken_conversation_is_refused_by_name(string part, ChatTurn[] turns, string path)
    {
        foreach (ChatFormat format in (ChatFormat[])[ChatFormat.V31, ChatFormat.V32])
        {
            var template = new ChatTemplate(format);
            var conversation = new ChatConversation { Turns = turns };
            var error = Assert.Throws<ConversationException>(() => template.Render(conversation));
            Assert.Equal(path, error.Path);
            Assert.StartsWith($"{path}: ", error.Message, StringComparison.Ordinal);
            Assert.Contains(part, error.Message, StringComparison.Ordinal);
            Assert.Throws<ConversationException>(() =>
                template.Encode(TestTokenizers.V31, conversation)
            );
        }
    }

    [Fact]
    public void An_argument_that_is_not_Unicode_is_refused_where_it_is_written()
    {
        ChatTurn[] turns =
        [
            s_question,
            Calls("a") with
            {
                ToolCalls = [new ToolCall("a", "now", """{"x":"\ud800"}""")],
            },
            ChatTurn.Tool("a", ""),
        ];
        var error = Refuse(ChatFormat.V32, new() { Turns = turns });
        Assert.Equal("messages[1].tool_calls[0].function.arguments", error.Path);
    }

    [Fact]
    public void Tools_of_V3_are_refused_by_name()
    {
        ChatConversation asks = new() { Turns = [s_question], Tools = [s_tool] };
        Assert.Contains(
            "tools: DeepSeek-V3's format has no tools",
            Refuse(ChatFormat.V3, asks).Message,
            StringComparison.Ordinal
        );
        ChatTurn[] turns = [s_question, Calls("a"), ChatTurn.Tool("a", "")];
        Assert.Equal("messages[1].tool_calls", Refuse(ChatFormat.V3, new() { Turns = turns }).Path);
    }

    [Fact]
    public void V3_cannot_be_asked_to_think() =>
        Assert.Equal(
            "thinking",
            Refuse(ChatFormat.V3, new() { Turns = [s_question], Thinking = true }).Path
        );

    [Fact]
    public void V31_does_not_think_with_tools()
    {
        ChatConversation asks = new()
        {
            Turns = [s_question],
            Tools = [s_tool],
            Thinking = true,
        };
        Assert.Equal("thinking", Refuse(ChatFormat.V31, asks).Path);
        ChatTurn[] turns = [s_question, Calls("a"), ChatTurn.Tool("a", "")];
        Assert.Equal(
            "thinking",
            Refuse(ChatFormat.V31, new() { Turns = turns, Thinking = true }).Path
        );
        // Calls of a round that is over don't keep the next answer from thinking.
        ChatConversation later = new()
        {
            Turns = [.. turns, ChatTurn.Assistant("x"), s_question],
            Thinking = true,
        };
        Assert.EndsWith(
            "<｜Assistant｜><think>",
            new ChatTemplate(ChatFormat.V31).Render(later),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_last_system_turn_is_refused_where_it_stays_in_place()
    {
        ChatConversation conversation = new() { Turns = [s_question, ChatTurn.System("s")] };
        Assert.Equal("messages[1]", Refuse(ChatFormat.V32, conversation).Path);
        Assert.EndsWith(
            "s<｜User｜>q<｜Assistant｜></think>",
            new ChatTemplate(ChatFormat.V31).Render(conversation),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_tool_without_description_and_parameters_takes_nothing()
    {
        ChatConversation conversation = new()
        {
            Turns = [s_question],
            Tools = [new ToolDefinition(JsonElement.Parse("""{"name":"now"}"""))],
        };
        // OpenAI: without parameters, a function has an empty list of them.
        Assert.Contains(
            "### now\nDescription: \n\nParameters: {\"type\": \"object\", \"properties\": {}}\n",
            new ChatTemplate(ChatFormat.V31).Render(conversation),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "<functions>\n{\"name\": \"now\"}\n</functions>",
            new ChatTemplate(ChatFormat.V32).Render(conversation),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("[]", "function: is a JSON Array")]
    [InlineData("{}", "'name' is missing")]
    [InlineData("""{"name":""}""", "function.name: is \"\", must not be empty")]
    [InlineData("""{"name":"a","description":1}""", "function.description")]
    [InlineData("""{"name":"a","parameters":true}""", "function.parameters")]
    [InlineData("""{"name":"a","x":"\ud800"}""", "not Unicode")]
    [InlineData("""{"n\ud800me":"a"}""", "not Unicode")]
    public void A_bad_tool_is_refused_by_name(string json, string part)
    {
        var error = Assert.Throws<ConversationException>(() =>
            new ToolDefinition(JsonElement.Parse(json))
        );
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
    }

    /// <summary>Each round adds the same text: no white space piles up over ten of them.</summary>
    [Theory]
    [InlineData(ChatFormat.V31, false)]
    [InlineData(ChatFormat.V32, false)]
    [InlineData(ChatFormat.V32, true)]
    public void Ten_rounds_of_calls_are_ten_times_the_text_of_one(ChatFormat format, bool thinking)
    {
        var template = new ChatTemplate(format);
        string none = template.Render(new() { Turns = [s_question], Thinking = thinking });
        string[] prompts = [.. Enumerable.Range(1, 10).Select(Rounds)];
        string round = prompts[0][none.Length..];
        Assert.Equal(none + string.Concat(Enumerable.Repeat(round, 10)), prompts[^1]);

        string Rounds(int count) =>
            template.Render(
                new ChatConversation
                {
                    Turns =
                    [
                        s_question,
                        .. Enumerable
                            .Range(0, count)
                            .SelectMany(_ =>
                                (ChatTurn[])
                                    [Calls("a") with { Reasoning = "r" }, ChatTurn.Tool("a", "1")]
                            ),
                    ],
                    Thinking = thinking,
                }
            );
    }

    private static ConversationException Refuse(ChatFormat format, ChatConversation conversation) =>
        Assert.Throws<ConversationException>(() => new ChatTemplate(format).Render(conversation));
}
