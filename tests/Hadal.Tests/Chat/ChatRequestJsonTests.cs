using System.Text.Json;
using Hadal.Chat;

namespace Hadal.Tests.Chat;

public sealed class ChatRequestJsonTests
{
    private const string Question = """{"role":"user","content":"q"}""";

    [Fact]
    public void A_whole_request_is_read()
    {
        ChatConversation read = Read(
            """
            {"model":"x","temperature":0.5,"stream":true,"unknown":{"a":[1]},
             "messages":[
              {"role":"system","content":"s","name":"n"},
              {"role":"developer","content":[{"type":"text","text":"d"}]},
              {"role":"user","content":[{"type":"text","text":"a "},{"type":"text","text":"b"}]},
              {"role":"assistant","content":null,"reasoning_content":"r","tool_calls":[
                {"id":"c1","type":"function","function":{"name":"now","arguments":"{\"x\": 1}"}}]},
              {"role":"tool","tool_call_id":"c1","content":"t"},
              {"role":"assistant","content":"y","reasoning":"r2","tool_calls":null}],
             "tools":[{"type":"function","function":{"name":"now","description":"d","strict":true}}],
             "response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"array"}}}}
            """
        );
        Assert.Equal(
            ["system", "system", "user", "assistant", "tool", "assistant"],
            read.Turns.Select(turn => turn.Role)
        );
        Assert.Equal(["s", "d", "a b", "", "t", "y"], read.Turns.Select(turn => turn.Content));
        Assert.Equal(
            [null, null, null, "r", null, "r2"],
            read.Turns.Select(turn => turn.Reasoning)
        );
        Assert.Equal(
            new ToolCall("c1", "now", "{\"x\": 1}"),
            Assert.Single(read.Turns[3].ToolCalls)
        );
        Assert.Equal("c1", read.Turns[4].ToolCallId);
        ToolDefinition tool = Assert.Single(read.Tools);
        Assert.Equal("now", tool.Name);
        Assert.True(tool.Function.GetProperty("strict").GetBoolean());
        Assert.Equal("array", read.ResponseSchema?.GetProperty("type").GetString());
        Assert.False(read.Thinking);
    }

    [Theory]
    [InlineData("", false)]
    [InlineData(""","thinking":true""", true)]
    [InlineData(""","thinking":false""", false)]
    [InlineData(""","thinking":{"type":"enabled","budget_tokens":9}""", true)]
    [InlineData(""","thinking":{"type":"disabled"},"reasoning_effort":"high" """, false)]
    [InlineData(""","thinking":null,"reasoning_effort":"low" """, true)]
    [InlineData(""","reasoning_effort":"none" """, false)]
    [InlineData(""","reasoning_effort":"minimal" """, true)]
    [InlineData(""","chat_template_kwargs":{"thinking":true}""", true)]
    [InlineData(""","chat_template_kwargs":{"enable_thinking":true,"other":1}""", true)]
    [InlineData(
        ""","chat_template_kwargs":{"enable_thinking":false},"reasoning_effort":"high" """,
        false
    )]
    public void Each_switch_of_thinking_is_known(string fields, bool thinks) =>
        Assert.Equal(thinks, Read($$"""{"messages":[{{Question}}]{{fields}}}""").Thinking);

    [Theory]
    [InlineData(""","response_format":{"type":"text"}""")]
    [InlineData(""","response_format":{"type":"json_object"}""")]
    [InlineData(""","response_format":null,"tools":null""")]
    [InlineData(""","tools":[],"tool_choice":"auto" """)]
    [InlineData(""","tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none" """)]
    public void Nothing_is_added_to_the_prompt(string fields)
    {
        ChatConversation read = Read($$"""{"messages":[{{Question}}]{{fields}}}""");
        Assert.Null(read.ResponseSchema);
        Assert.Empty(read.Tools);
    }

    [Fact]
    public void An_answer_may_be_a_thought_that_was_cut() =>
        Assert.Equal(
            "",
            Read($$"""{"messages":[{{Question}},{"role":"assistant","reasoning_content":"r"}]}""")
                .Turns[1]
                .Content
        );

    [Theory]
    [InlineData("[]", "request", "is a JSON Array, must be an object")]
    [InlineData("{}", "request", "'messages' is missing")]
    [InlineData("""{"messages":"x"}""", "messages", "must be an array")]
    [InlineData("""{"messages":[1]}""", "messages[0]", "must be an object")]
    [InlineData("""{"messages":[{}]}""", "messages[0]", "'role' is missing")]
    [InlineData(
        """{"messages":[{"role":"function","content":""}]}""",
        "messages[0].role",
        "is \"function\", must be 'system' or 'developer' or 'user' or 'assistant' or 'tool'"
    )]
    [InlineData("""{"messages":[{"role":"user"}]}""", "messages[0]", "'content' is missing")]
    [InlineData(
        """{"messages":[{"role":"user","content":null}]}""",
        "messages[0].content",
        "must be a string"
    )]
    [InlineData(
        """{"messages":[{"role":"assistant","content":null}]}""",
        "messages[0].content",
        "must be a string"
    )]
    [InlineData(
        """{"messages":[{"role":"assistant","content":null,"tool_calls":[]}]}""",
        "messages[0].content",
        "must be a string"
    )]
    [InlineData(
        """{"messages":[{"role":"user","content":"\ud800"}]}""",
        "messages[0].content",
        "not valid Unicode"
    )]
    [InlineData(
        """{"messages":[{"role":"system","content":[]},{"role":"user","content":""},{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{}}]}]}""",
        "messages[2].content[1].type",
        "is \"image_url\", must be 'text'"
    )]
    [InlineData(
        """{"messages":[{"role":"user","content":[{"type":"text","text":1}]}]}""",
        "messages[0].content[0].text",
        "must be a string"
    )]
    [InlineData(
        """{"messages":[{"role":"user","content":["a"]}]}""",
        "messages[0].content[0]",
        "must be an object"
    )]
    [InlineData(
        """{"messages":[{"role":"tool","content":""}]}""",
        "messages[0]",
        "'tool_call_id' is missing"
    )]
    [InlineData(
        """{"messages":[{"role":"assistant","content":"","reasoning":{}}]}""",
        "messages[0].reasoning",
        "must be a string"
    )]
    [InlineData(
        """{"messages":[{"role":"assistant","tool_calls":{}}]}""",
        "messages[0].tool_calls",
        "must be an array"
    )]
    [InlineData(
        """{"messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"custom"}]}]}""",
        "messages[0].tool_calls[0].type",
        "is \"custom\", must be 'function'"
    )]
    [InlineData(
        """{"messages":[{"role":"assistant","tool_calls":[{"function":{}}]}]}""",
        "messages[0].tool_calls[0]",
        "'id' is missing"
    )]
    [InlineData(
        """{"messages":[{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":{}}}]}]}""",
        "messages[0].tool_calls[0].function.arguments",
        "must be a string"
    )]
    [InlineData("""{"messages":[],"tools":{}}""", "tools", "must be an array")]
    [InlineData(
        """{"messages":[],"tools":[{"type":"web_search"}]}""",
        "tools[0].type",
        "is \"web_search\", must be 'function'"
    )]
    [InlineData(
        """{"messages":[],"tools":[{"type":"function"}]}""",
        "tools[0]",
        "'function' is missing"
    )]
    [InlineData(
        """{"messages":[],"tools":[{"type":"function","function":{"name":7}}]}""",
        "tools[0].function.name",
        "must be a string"
    )]
    [InlineData(
        """{"messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":[]}}]}""",
        "tools[0].function.parameters",
        "must be an object"
    )]
    [InlineData(
        """{"messages":[],"response_format":{"type":"grammar"}}""",
        "response_format.type",
        "must be 'text' or 'json_object' or 'json_schema'"
    )]
    [InlineData(
        """{"messages":[],"response_format":{"type":"json_schema","json_schema":{}}}""",
        "response_format.json_schema",
        "'schema' is missing"
    )]
    [InlineData("""{"messages":[],"thinking":"on"}""", "thinking", "must be true or false")]
    [InlineData(
        """{"messages":[],"thinking":{"type":"auto"}}""",
        "thinking.type",
        "must be 'enabled' or 'disabled'"
    )]
    [InlineData(
        """{"messages":[],"chat_template_kwargs":{"thinking":1}}""",
        "chat_template_kwargs.thinking",
        "must be true or false"
    )]
    [InlineData("""{"messages":[],"reasoning_effort":3}""", "reasoning_effort", "must be 'none'")]
    [InlineData("""{"m\ud800ssages":[]}""", "request", "not Unicode")]
    public void A_bad_field_is_refused_by_its_path(string json, string path, string part)
    {
        var error = Assert.Throws<ConversationException>(() => Read(json));
        Assert.Equal(path, error.Path);
        Assert.StartsWith($"{path}: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
    }

    private static ChatConversation Read(string json) =>
        ChatRequestJson.Read(JsonElement.Parse(json));
}
