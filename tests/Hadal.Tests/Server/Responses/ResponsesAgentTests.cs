using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hadal.Tests.Server.Responses;

/// <summary>A request as Codex CLI 0.171 sends it, shortened: nested, custom and built-in tools, and a result with an image.</summary>
public sealed class ResponsesAgentTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Request = """
        {
          "model": "deep",
          "input": [
            {"type": "message", "id": "msg_1", "role": "developer", "content": [{"type": "input_text", "text": "You are a coding agent in a terminal."}]},
            {"type": "message", "id": "msg_2", "role": "developer", "content": [{"type": "input_text", "text": "<skills>None</skills>"}, {"type": "input_text", "text": "<permissions>The sandbox is read-only.</permissions>"}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "<environment_context><cwd>/repo</cwd></environment_context>"}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Mend the test."}]},
            {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Look first."}], "encrypted_content": null},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look at it."}], "phase": "commentary"},
            {"type": "function_call", "name": "exec_command", "arguments": "{\"cmd\":\"ls\"}", "call_id": "call_1"},
            {"type": "function_call", "name": "find", "namespace": "mcp__files__", "arguments": "{\"name\":\"x\"}", "call_id": "call_2"},
            {"type": "function_call_output", "call_id": "call_1", "output": "a.txt"},
            {"type": "function_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "One: "}, {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "high"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Patching"}], "content": null, "encrypted_content": "gAAAA"},
            {"type": "custom_tool_call", "status": "completed", "call_id": "call_3", "name": "apply_patch", "input": "*** Begin Patch\n*** End Patch\n"},
            {"type": "custom_tool_call_output", "call_id": "call_3", "output": "Success."}
          ],
          "tools": [
            {"type": "function", "name": "exec_command", "description": "Runs a command", "strict": false, "parameters": {"type": "object", "properties": {"cmd": {"type": "string", "enum": ["ls", "pwd"]}, "tty": {"type": "boolean"}, "yield_time_ms": {"type": "number", "minimum": 0, "maximum": 9}}, "required": ["cmd"], "additionalProperties": false}},
            {"type": "function", "name": "update_plan", "description": "Updates the plan", "strict": false, "parameters": {"type": "object", "properties": {"plan": {"type": "array", "items": {"type": "object", "properties": {"step": {"type": "string"}, "status": {"type": "string"}}, "required": ["step", "status"], "additionalProperties": false}}}, "required": ["plan"], "additionalProperties": false}},
            {"type": "custom", "name": "apply_patch", "description": "Edits files. Do not wrap the patch in JSON.", "format": {"type": "grammar", "syntax": "lark", "definition": "start: \"*** Begin Patch\" LF hunk+ \"*** End Patch\" LF?"}},
            {"type": "web_search", "external_web_access": false},
            {"type": "tool_search", "execution": "client", "description": "Finds tools", "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}},
            {"type": "namespace", "name": "mcp__files__", "description": "Tools of files", "tools": [{"type": "function", "name": "find", "description": "Finds", "strict": false, "defer_loading": true, "parameters": {"type": "object", "properties": {"name": {"type": "string", "enum": ["x", "y"]}}, "required": ["name"]}}]}
          ],
          "tool_choice": "auto",
          "parallel_tool_calls": true,
          "reasoning": {"effort": "medium", "summary": "auto"},
          "store": false,
          "stream": true,
          "include": ["reasoning.encrypted_content"],
          "prompt_cache_key": "0199",
          "text": {"verbosity": "low"},
          "client_metadata": {"x-codex-installation-id": "1"}
        }
        """;

    private ServerApp App => fixture.App;

    [Fact]
    public async Task Request_is_answered()
    {
        JsonElement response = ResponseStream.Final(
            await EventsAsync(limit: 20, ("logit_bias", PlainTokens.Json(App.Engine.Tokenizer)))
        );
        Assert.Equal("incomplete", response.Text("status"));
        Assert.Equal("reasoning", response.GetProperty("output")[0].Type());
        Assert.Equal(6, response.GetProperty("tools").GetArrayLength());
    }

    [Theory]
    [InlineData("""{"type":"function","name":"exec_command"}""", "function_call", "exec_command")]
    [InlineData(
        """{"type":"function","name":"find","namespace":"mcp__files__"}""",
        "function_call",
        "find"
    )]
    [InlineData("""{"type":"custom","name":"apply_patch"}""", "custom_tool_call", "apply_patch")]
    public async Task Known_tools_are_callable(string choice, string type, string name)
    {
        // The ends of texts without limit, which random weights would not write.
        Assert.True(App.Engine.Tokenizer.TryGetAddedToken("｜DSML｜", out int mark));
        int[] tag = App.Engine.Tokenizer.Encode("</", addSpecialTokens: false);
        JsonElement response = ResponseStream.Final(
            await EventsAsync(
                limit: 600,
                ("tool_choice", choice),
                ("logit_bias", $$"""{"{{tag[0]}}":8,"{{tag[^1]}}":10,"{{mark}}":14}"""),
                ("parallel_tool_calls", "false"),
                ("reasoning", """{"effort":"none"}""")
            )
        );
        Assert.Equal("completed", response.Text("status"));
        JsonElement[] calls =
        [
            .. response
                .GetProperty("output")
                .EnumerateArray()
                .Where(item => item.Type() != "reasoning"),
        ];
        Assert.NotEmpty(calls);
        Assert.All(
            calls,
            call =>
            {
                Assert.Equal(type, call.Type());
                Assert.Equal(name, call.Text("name"));
                Assert.Equal(name == "find", call.TryGetProperty("namespace", out _));
            }
        );
    }

    private Task<List<JsonElement>> EventsAsync(
        int limit,
        params ReadOnlySpan<(string Name, string Value)> fields
    )
    {
        JsonObject body = JsonNode.Parse(Request)!.AsObject();
        body["max_output_tokens"] = limit;
        body["temperature"] = 1;
        body["seed"] = 6;
        body.Remove("stream");
        foreach ((string name, string value) in fields)
            body[name] = JsonNode.Parse(value);
        return App.EventsAsync(body.ToJsonString());
    }
}
