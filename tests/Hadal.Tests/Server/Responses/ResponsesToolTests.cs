using System.Text.Json;
using Json.Schema;

namespace Hadal.Tests.Server.Responses;

/// <summary>Tools of <c>/v1/responses</c>.</summary>
public sealed class ResponsesToolTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Question =
        """ "input":"Who's there?","temperature":1,"seed":3,"max_output_tokens":2000 """;
    private const string Schema =
        """{"type":"object","properties":{"day":{"enum":["monday","friday"]},"hour":{"type":"integer","minimum":0,"maximum":23}},"required":["day","hour"],"additionalProperties":false}""";
    private const string Open =
        $$"""{"type":"function","name":"open","description":"Opens","parameters":{{Schema}},"strict":true}""";
    private const string Shut = """{"type":"function","name":"shut"}""";
    private const string Patch =
        """{"type":"custom","name":"patch","format":{"type":"grammar","syntax":"regex","definition":"[a-f\\n\"é]{4,9}"}}""";
    private const string Space = $$"""
        {"type":"namespace","name":"mcp__shop__","description":"A shop","tools":[{{Open}},{{Patch}}]}
        """;
    private const string Search = """{"type":"web_search","external_web_access":true}""";
    private const string Image = """{"type":"image_generation"}""";
    private const string ToolSearch = """{"type":"tool_search","execution":"client"}""";

    private ServerApp App => fixture.App;

    [Theory]
    [InlineData("\"required\"", "open", "shut")]
    [InlineData("""{"type":"function","name":"open"}""", "open")]
    [InlineData("""{"type":"function","name":"shut"}""", "shut")]
    [InlineData(
        """{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"open"}]}""",
        "open"
    )]
    public async Task Calls_that_are_asked_for_come_and_fit_their_schema(
        string choice,
        params string[] names
    )
    {
        JsonElement response = await AnswerAsync($"[{Open},{Shut},{Search}]", choice);
        JsonElement[] calls = [.. response.GetProperty("output").EnumerateArray()];
        Assert.NotEmpty(calls);
        foreach (JsonElement call in calls)
        {
            Assert.Equal("function_call", call.Type());
            Assert.Equal("completed", call.Text("status"));
            Assert.Contains(call.Text("name"), names);
            using var json = JsonDocument.Parse(call.Text("arguments"));
            if (call.Text("name") == "open")
                Assert.True(JsonSchema.FromText(Schema).Evaluate(json.RootElement).IsValid);
        }
        Assert.Equal(calls.Length, calls.Select(call => call.Text("call_id")).Distinct().Count());
    }

    [Fact]
    public async Task Custom_tool_gets_a_text_that_fits_its_grammar()
    {
        JsonElement response = await AnswerAsync(
            $"[{Patch},{Open}]",
            """{"type":"custom","name":"patch"}"""
        );
        JsonElement[] calls = [.. response.GetProperty("output").EnumerateArray()];
        Assert.NotEmpty(calls);
        Assert.All(
            calls,
            call =>
            {
                Assert.Equal("custom_tool_call", call.Type());
                Assert.Equal("patch", call.Text("name"));
                Assert.Matches("^[a-f\\n\"é]{4,9}\\z", call.Text("input"));
            }
        );
    }

    [Theory]
    [InlineData("function", "open")]
    [InlineData("custom", "patch")]
    public async Task Tool_of_a_namespace_is_called_by_both_names(string type, string name)
    {
        JsonElement response = await AnswerAsync(
            $"[{Shut},{Space}]",
            $$"""{"type":"{{type}}","namespace":"mcp__shop__","name":"{{name}}"}"""
        );
        Assert.All(
            response.GetProperty("output").EnumerateArray(),
            call =>
            {
                Assert.Equal("mcp__shop__", call.Text("namespace"));
                Assert.Equal(name, call.Text("name"));
            }
        );
    }

    [Fact]
    public async Task Parallel_calls_can_be_forbidden()
    {
        string body =
            $$"""{{{Question}},"tools":[{{Open}},{{Patch}}],"tool_choice":"required","parallel_tool_calls":false}""";
        JsonElement response = await App.PostAsync(ResponseStream.Path, body);
        Assert.Equal(1, response.GetProperty("output").GetArrayLength());
    }

    [Fact]
    public async Task Model_is_told_of_the_tools_that_it_may_call()
    {
        int none = await TokensAsync("[]");
        int open = await TokensAsync($"[{Open}]");
        int both = await TokensAsync($"[{Open},{Shut}]");
        Assert.True(none < open && open < both);
        Assert.Equal(none, await TokensAsync($"[{Open}]", "\"none\""));
        // Built-in tools are passed over.
        Assert.Equal(open, await TokensAsync($"[{Search},{Open},{Image},{ToolSearch}]"));
        const string allowOpen =
            """{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"open"}]}""";
        const string allowSearch =
            """{"type":"allowed_tools","mode":"auto","tools":[{"type":"web_search"}]}""";
        Assert.Equal(open, await TokensAsync($"[{Open},{Shut},{Search}]", allowOpen));
        Assert.Equal(none, await TokensAsync($"[{Open},{Shut},{Search}]", allowSearch));
    }

    [Theory]
    [InlineData("lark", "start: /x/")]
    [InlineData("regex", "x")]
    public async Task Grammar_of_a_custom_tool_is_told(string syntax, string definition)
    {
        string format =
            $$""" "format":{"type":"grammar","syntax":"{{syntax}}","definition":"{{definition}}"} """;
        int plain = await TokensAsync("""[{"type":"custom","name":"p"}]""");
        int told = await TokensAsync($$"""[{"type":"custom","name":"p",{{format}}}]""");
        Assert.True(plain < told);
    }

    [Fact]
    public async Task Call_that_is_cut_is_incomplete()
    {
        string body =
            """{"input":"x","seed":3,"temperature":1,"max_output_tokens":100,"tools":[{"type":"function","name":"say","parameters":{"type":"object","properties":{"text":{"type":"string","minLength":5000}},"required":["text"]} }],"tool_choice":"required"}""";
        JsonElement whole = await App.PostAsync(ResponseStream.Path, body);
        Assert.Equal("incomplete", whole.Text("status"));
        MustBeCut(whole);
        List<JsonElement> events = await App.EventsAsync(body);
        Assert.Equal(
            [
                "created",
                "in_progress",
                "output_item.added",
                "function_call_arguments.delta",
                "output_item.done",
                "incomplete",
            ],
            events.Types()
        );
        MustBeCut(ResponseStream.Final(events));

        static void MustBeCut(JsonElement response)
        {
            JsonElement call = Assert.Single(response.GetProperty("output").EnumerateArray());
            Assert.Equal("function_call", call.Type());
            Assert.Equal("incomplete", call.Text("status"));
        }
    }

    [Fact]
    public async Task Answer_is_taken_back_with_the_tokens_that_it_was_generated_as()
    {
        string tools = $"\"tools\":[{Open},{Patch}],\"temperature\":1,\"seed\":3";
        string words = string.Join(' ', Enumerable.Range(0, 100));
        string first = $$"""{"role":"user","content":"{{words}}"}""";
        JsonElement response = await App.PostAsync(
            ResponseStream.Path,
            $$"""{"input":[{{first}}],{{tools}},"tool_choice":"required","max_output_tokens":2000}"""
        );
        JsonElement[] calls = [.. response.GetProperty("output").EnumerateArray()];
        IEnumerable<string> results = calls
            .Reverse()
            .Select(call =>
                $$"""{"type":"{{call.Type()}}_output","call_id":"{{call.Text("call_id")}}","output":"shut"}"""
            );
        string items = string.Join(',', [first, .. calls.Select(c => c.GetRawText()), .. results]);
        JsonElement next = await App.PostAsync(
            ResponseStream.Path,
            $$"""{"input":[{{items}}],{{tools}},"tool_choice":"auto","max_output_tokens":1}"""
        );
        JsonElement before = response.GetProperty("usage");
        int known =
            before.GetProperty("input_tokens").GetInt32()
            + before.GetProperty("output_tokens").GetInt32();
        // Whole pages of 64; the last token of an answer is never computed.
        Assert.Equal(
            (known - 1) / 64 * 64,
            next.GetProperty("usage")
                .GetProperty("input_tokens_details")
                .GetProperty("cached_tokens")
                .GetInt32()
        );
    }

    private async Task<JsonElement> AnswerAsync(string tools, string choice)
    {
        string body = $$"""{{{Question}},"tools":{{tools}},"tool_choice":{{choice}}}""";
        JsonElement whole = await App.PostAsync(ResponseStream.Path, body);
        Assert.Equal("completed", whole.Text("status"));
        JsonElement streamed = ResponseStream.Final(await App.EventsAsync(body));
        Assert.Equal(whole.Output(), streamed.Output());
        return whole;
    }

    private async Task<int> TokensAsync(string tools, string choice = "\"auto\"")
    {
        JsonElement count = await App.PostAsync(
            $"{ResponseStream.Path}/input_tokens",
            $$"""{"input":"x","tools":{{tools}},"tool_choice":{{choice}}}"""
        );
        return count.GetProperty("input_tokens").GetInt32();
    }
}
