using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hadal.Server.Messages;

namespace Hadal.Tests.Server.Messages;

/// <summary>What requests of <c>/v1/messages</c> are refused for, and which fields are known.</summary>
public sealed class MessageErrorTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Path = "/v1/messages";
    private const string User = """{"role":"user","content":"x"}""";
    private const string Call =
        """{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]}""";

    /// <summary>A wrong value of each field that is honoured.</summary>
    private static readonly Dictionary<string, string> s_wrong = new()
    {
        ["model"] = "7",
        ["messages"] = "7",
        ["max_tokens"] = "0",
        ["system"] = "7",
        ["tools"] = "{}",
        ["tool_choice"] = "\"auto\"",
        ["stop_sequences"] = "[\"\"]",
        ["temperature"] = "1.5",
        ["top_p"] = "1.5",
        ["top_k"] = "-2",
        ["thinking"] = """{"type":"hard"}""",
        ["output_config"] = """{"format":{"type":"text"}}""",
        ["output_format"] = """{"type":"json_schema"}""",
        ["stream"] = "\"yes\"",
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Honoured { get; } = [.. MessagesRequest.Fields.Honoured];
    public static TheoryData<string> WithoutEffect { get; } =
    [.. MessagesRequest.Fields.WithoutEffect];
    public static TheoryData<string> Refused { get; } = [.. MessagesRequest.Fields.Refused.Keys];

    private ServerApp App => fixture.App;

    [Theory]
    [MemberData(nameof(Honoured))]
    public async Task Wrong_value_of_an_honoured_field_is_named(string field) =>
        await MustBeRefusedAsync(With(field, s_wrong[field]), field);

    [Theory]
    [MemberData(nameof(WithoutEffect))]
    public async Task Field_without_effect_is_accepted(string field) =>
        await App.PostAsync(Path, With(field, """{"any":["thing"]}"""));

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task Refused_field_is_named(string field)
    {
        await MustBeRefusedAsync(With(field, """{"any":["thing"]}"""), field);
        await App.PostAsync(Path, With(field, "null"));
    }

    [Fact]
    public async Task Unknown_field_is_accepted() =>
        await App.PostAsync(Path, With("x_my_own", """{"a":1}"""));

    [Theory]
    [InlineData("messages")]
    [InlineData("max_tokens")]
    public async Task Field_that_is_missing_is_named(string field) =>
        await MustBeRefusedAsync(With(field, null), field);

    [Theory]
    [InlineData("[]", "messages")]
    [InlineData("""[{"role":"king","content":"x"}]""", "messages[0].role")]
    [InlineData("""[{"role":"user"}]""", "messages[0]")]
    [InlineData("""[{"role":"user","content":7}]""", "messages[0].content")]
    [InlineData(
        """[{"role":"user","content":[{"type":"text","text":"x"},{"type":"image"}]}]""",
        "messages[0].content[1].type"
    )]
    [InlineData(
        """[{"role":"user","content":[{"type":"document"}]}]""",
        "messages[0].content[0].type"
    )]
    [InlineData(
        """[{"role":"user","content":[{"type":"search_result"}]}]""",
        "messages[0].content[0].type"
    )]
    [InlineData(
        """[{"role":"assistant","content":[{"type":"server_tool_use"}]}]""",
        "messages[0].content[0].type"
    )]
    [InlineData(
        """[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"}]}]""",
        "messages[0].content[0].tool_use_id"
    )]
    [InlineData($"[{User},{Call},{User}]", "messages[1].content[0]")]
    [InlineData(
        $$"""[{{User}},{{Call}},{"role":"system","content":"x"},{{User}}]""",
        "messages[1].content[0]"
    )]
    [InlineData(
        $$"""[{{User}},{{Call}},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"},{"type":"tool_result","tool_use_id":"a"}]}]""",
        "messages[2].content[1].tool_use_id"
    )]
    [InlineData(
        $$"""[{{User}},{{Call}},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"image"}]}]}]""",
        "messages[2].content[0].content[0].type"
    )]
    [InlineData($"[{User},{Call},{Call}]", "messages[2].content[0].id")]
    [InlineData(
        $$"""[{{User}},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":"{}"}]}]""",
        "messages[1].content[0].input"
    )]
    [InlineData($$"""[{{User}},{"role":"assistant","content":"I"}]""", "messages[1]")]
    [InlineData($$"""[{{User}},{"role":"system","content":"I"}]""", "messages[1]")]
    public async Task Wrong_message_is_named(string messages, string place) =>
        await MustBeRefusedAsync(With("messages", messages), place);

    [Theory]
    [InlineData("""[{"type":"web_search_20250305","name":"web_search"}]""", "tools[0].type")]
    [InlineData("""[{"type":"bash_20250124","name":"bash"}]""", "tools[0].type")]
    [InlineData("""[{"name":"","input_schema":{}}]""", "tools[0].name")]
    [InlineData("""[{"name":"f"}]""", "tools[0]")]
    [InlineData("""[{"name":"f","input_schema":[]}]""", "tools[0].input_schema")]
    [InlineData(
        """[{"name":"f","input_schema":{}},{"name":"f","input_schema":{}}]""",
        "tools[1].name"
    )]
    [InlineData("""[{"name":"f","input_schema":{},"strict":1}]""", "tools[0].strict")]
    [InlineData(
        """[{"name":"f","strict":true,"input_schema":{"type":"object","not":{}}}]""",
        "tool 'f'"
    )]
    [InlineData("""[{"name":"a\"b","input_schema":{"type":"object"}}]""", "tool 'a")]
    public async Task Wrong_tool_is_named(string tools, string place) =>
        await MustBeRefusedAsync(With("tools", tools), place);

    [Fact]
    public async Task Call_is_asked_for_of_a_tool_that_is_there()
    {
        await MustBeRefusedAsync(With("tool_choice", """{"type":"any"}"""), "tool_choice");
        await MustBeRefusedAsync(
            With("tool_choice", """{"type":"tool","name":"f"}"""),
            "tool_choice"
        );
    }

    [Fact]
    public async Task Other_refusals_are_of_the_api_too()
    {
        await MustBeRefusedAsync(
            With("model", "\"claude-opus\""),
            "claude-opus",
            HttpStatusCode.NotFound,
            "not_found_error"
        );
        await MustBeRefusedAsync("{", "JSON");
        await MustBeRefusedAsync(
            With("stop_sequences", $"[{string.Join(',', Enumerable.Repeat("\"a\"", 17))}]"),
            "stop_sequences"
        );
        using var content = new StringContent("x", Encoding.UTF8, "text/plain");
        using HttpResponseMessage response = await App.Client.PostAsync(
            Path,
            content,
            Cancellation
        );
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        MustBeError(
            await response.Content.ReadAsStringAsync(Cancellation),
            "Content-Type",
            "invalid_request_error"
        );
        await MustBeRefusedAsync(
            With(
                "messages",
                $$"""[{"role":"user","content":"{{string.Join(' ', Enumerable.Range(0, 9000))}}"}]"""
            ),
            "prompt is too long"
        );
    }

    /// <summary>The text of an error, which must be one of the API's.</summary>
    internal static void MustBeError(string body, string part, string type)
    {
        JsonElement json = JsonDocument.Parse(body).RootElement;
        Assert.Equal("error", json.GetProperty("type").GetString());
        JsonElement error = json.GetProperty("error");
        Assert.Equal(type, error.GetProperty("type").GetString());
        Assert.Contains(part, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    private async Task MustBeRefusedAsync(
        string body,
        string part,
        HttpStatusCode status = HttpStatusCode.BadRequest,
        string type = "invalid_request_error"
    ) => MustBeError((await App.PostAsync(Path, body, status)).GetRawText(), part, type);

    /// <summary>A request that is right but for a field, which takes the place of its own; null leaves it out.</summary>
    private static string With(string field, string? value)
    {
        JsonObject body = JsonNode
            .Parse($$"""{"model":"deep","max_tokens":1,"messages":[{{User}}]}""")!
            .AsObject();
        body.Remove(field);
        if (value is not null)
            body[field] = JsonNode.Parse(value);
        return body.ToJsonString();
    }
}
