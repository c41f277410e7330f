using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Hadal.Server.Chat;
using Hadal.Server.Completions;
using Hadal.Server.Requests;
using Hadal.Server.Responses;

namespace Hadal.Tests.Server;

/// <summary>What requests are refused for, and which fields are known.</summary>
public sealed class RequestErrorTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Chat = "/v1/chat/completions";
    private const string Texts = "/v1/completions";
    private const string Items = "/v1/responses";

    private static readonly Dictionary<string, (string Body, FieldTable Fields)> s_apis = new()
    {
        [Chat] = (
            """ "messages":[{"role":"user","content":"x"}],"max_tokens":1 """,
            ChatCompletionRequest.Fields
        ),
        [Texts] = (""" "prompt":"x","max_tokens":1 """, CompletionRequest.Fields),
        [Items] = (""" "input":"x","max_output_tokens":1 """, ResponsesRequest.Fields),
    };

    /// <summary>A wrong value of each field that is honoured, and the path that the error names.</summary>
    private static readonly Dictionary<string, string> s_wrong = new()
    {
        ["model"] = "7",
        ["messages"] = "7",
        ["prompt"] = "true",
        ["input"] = "7",
        ["instructions"] = "7",
        ["text"] = "7",
        ["reasoning"] = "7",
        ["include"] = "7",
        ["truncation"] = "7",
        ["max_output_tokens"] = "0",
        ["suffix"] = "7",
        ["echo"] = "1",
        ["tools"] = "{}",
        ["tool_choice"] = "\"some\"",
        ["parallel_tool_calls"] = "1",
        ["response_format"] = "\"json\"",
        ["max_tokens"] = "-1",
        ["max_completion_tokens"] = "0",
        ["logprobs"] = "\"yes\"",
        ["top_logprobs"] = "21",
        ["stream"] = "\"yes\"",
        ["stream_options"] = "7",
        ["thinking"] = "\"x\"",
        ["reasoning_effort"] = "\"hard\"",
        ["chat_template_kwargs"] = "7",
        ["modalities"] = """["audio"]""",
        ["n"] = "0",
        ["seed"] = "1.5",
        ["temperature"] = "2.5",
        ["top_p"] = "1.5",
        ["top_k"] = "-2",
        ["min_p"] = "-1",
        ["presence_penalty"] = "3",
        ["frequency_penalty"] = "-3",
        ["repetition_penalty"] = "0",
        ["logit_bias"] = "[]",
        ["stop"] = $"[{string.Join(',', Enumerable.Repeat("\"a\"", 17))}]",
        ["stop_token_ids"] = "[-1]",
        ["min_tokens"] = "-1",
        ["ignore_eos"] = "1",
        ["cache_salt"] = "7",
        ["hadal"] = "true",
    };

    public static TheoryData<string, string> Honoured { get; } = Rows(api => api.Honoured);
    public static TheoryData<string, string> WithoutEffect { get; } =
        Rows(api => api.WithoutEffect);
    public static TheoryData<string, string> Refused { get; } = Rows(api => api.Refused.Keys);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ServerApp App => fixture.App;

    [Theory]
    [MemberData(nameof(Honoured))]
    public async Task Wrong_value_of_an_honoured_field_is_named(string path, string field)
    {
        JsonElement error = await App.RefusalAsync(path, With(path, field, s_wrong[field]));
        Assert.Equal("invalid_request_error", error.GetProperty("type").GetString());
        Assert.StartsWith(field, error.GetProperty("param").GetString(), StringComparison.Ordinal);
        Assert.Contains(field, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(WithoutEffect))]
    public async Task Field_without_effect_is_accepted(string path, string field) =>
        await App.PostAsync(path, With(path, field, """{"any":["thing"]}"""));

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task Refused_field_is_named(string path, string field)
    {
        JsonElement error = await App.RefusalAsync(path, With(path, field, "\"x\""));
        Assert.Equal(field, error.GetProperty("param").GetString());
        await App.PostAsync(path, With(path, field, "null"));
    }

    [Theory]
    [InlineData(Chat)]
    [InlineData(Texts)]
    [InlineData(Items)]
    public async Task Unknown_field_is_accepted(string path) =>
        await App.PostAsync(path, With(path, "x_my_own", """{"a":1}"""));

    [Theory]
    [InlineData(""" "messages":[{"role":"user"}] """, "messages[0]")]
    [InlineData(""" "messages":[{"role":"king","content":"x"}] """, "messages[0].role")]
    [InlineData(
        """ "messages":[{"role":"user","content":[{"type":"image_url"}]}] """,
        "messages[0].content[0].type"
    )]
    [InlineData(
        """ "messages":[{"role":"tool","tool_call_id":"a","content":"x"}] """,
        "messages[0]"
    )]
    [InlineData(
        """ "messages":[{"role":"user","content":"x"}],"tools":[{"type":"custom"}] """,
        "tools[0].type"
    )]
    [InlineData(
        """ "messages":[{"role":"user","content":"x"}],"tool_choice":"required" """,
        "tool_choice"
    )]
    [InlineData(
        """ "messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"object","not":{}}}} """,
        "response_format"
    )]
    [InlineData(
        """ "messages":[{"role":"user","content":"x"}],"logit_bias":{"99999999":1} """,
        "logit_bias"
    )]
    [InlineData(
        """ "messages":[{"role":"user","content":"x"}],"top_logprobs":2 """,
        "top_logprobs"
    )]
    [InlineData(
        """ "messages":[{"role":"user","content":"x"}],"stream_options":{"include_usage":true} """,
        "stream_options"
    )]
    [InlineData(""" "max_tokens":1 """, "messages")]
    public async Task Wrong_part_of_a_request_is_named(string fields, string param)
    {
        JsonElement error = await App.RefusalAsync(Chat, $"{{{fields}}}");
        Assert.StartsWith(param, error.GetProperty("param").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"messages":NaN}""")]
    [InlineData("""{"messages":[],"messages":[]}""")]
    [InlineData("""{"messages":[{"role":"user","content":"\ud800"}]}""")]
    [InlineData("""{"unknown":"\udc00 x"}""")]
    [InlineData("""{"\ud800":1}""")]
    public async Task Body_that_is_no_request_is_refused(string body) =>
        Assert.Equal(
            "invalid_json",
            (await App.RefusalAsync(Chat, body)).GetProperty("code").GetString()
        );

    [Fact]
    public async Task Too_deep_a_body_is_refused() =>
        await App.RefusalAsync(
            Chat,
            $$"""{"a":{{new string('[', 100)}}{{new string(']', 100)}}}"""
        );

    [Fact]
    public async Task Broken_bytes_are_refused()
    {
        byte[] body = Encoding.UTF8.GetBytes(
            """{"messages":[{"role":"user","content":"é"}],"max_tokens":1}"""
        );
        int at = Array.IndexOf(body, (byte)0xc3);
        Assert.Equal(HttpStatusCode.OK, await Status(body));
        body[at + 1] = (byte)'x';
        Assert.Equal(HttpStatusCode.BadRequest, await Status(body));

        async Task<HttpStatusCode> Status(byte[] bytes)
        {
            using var content = new ByteArrayContent(bytes);
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using HttpResponseMessage response = await App.Client.PostAsync(
                Chat,
                content,
                Cancellation
            );
            return response.StatusCode;
        }
    }

    [Theory]
    [InlineData("text/plain", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/x-www-form-urlencoded", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/json; charset=utf-16", HttpStatusCode.UnsupportedMediaType)]
    [InlineData(null, HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/json", HttpStatusCode.BadRequest)]
    [InlineData("Application/JSON; charset=UTF-8", HttpStatusCode.BadRequest)]
    [InlineData("application/json; charset=\"utf-8\"", HttpStatusCode.BadRequest)]
    public async Task Other_types_than_json_are_refused(string? type, HttpStatusCode status)
    {
        using var content = new ByteArrayContent("{}"u8.ToArray());
        if (type is not null)
            content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        using HttpResponseMessage response = await App.Client.PostAsync(
            Chat,
            content,
            Cancellation
        );
        Assert.Equal(status, response.StatusCode);
    }

    [Theory]
    [InlineData("GET", "/v1/files")]
    [InlineData("POST", "/v1/embeddings")]
    [InlineData("GET", "/v1/chat/completions")]
    [InlineData("DELETE", "/v1/models/deep")]
    public async Task What_is_not_there_is_told_as_the_api_tells_it(string method, string path)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using HttpResponseMessage response = await App.Client.SendAsync(
            request,
            TestContext.Current.CancellationToken
        );
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        string text = await response.Content.ReadAsStringAsync(
            TestContext.Current.CancellationToken
        );
        JsonElement error = JsonDocument.Parse(text).RootElement.GetProperty("error");
        Assert.Equal("unknown_url", error.GetProperty("code").GetString());
        Assert.Contains($"{method} {path}", error.GetProperty("message").GetString());
    }

    [Fact]
    public async Task Another_model_is_not_found()
    {
        foreach (string path in (string[])[Chat, Texts, Items])
        {
            await App.PostAsync(path, With(path, "model", "\"deep\""));
            JsonElement error = await App.RefusalAsync(
                path,
                With(path, "model", "\"gpt-4\""),
                HttpStatusCode.NotFound
            );
            Assert.Equal("model_not_found", error.GetProperty("code").GetString());
            Assert.Equal("model", error.GetProperty("param").GetString());
        }
        (HttpStatusCode status, JsonElement models) = await App.GetAsync("/v1/models");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("deep", models.GetProperty("data")[0].GetProperty("id").GetString());
        Assert.Equal(HttpStatusCode.OK, (await App.GetAsync("/v1/models/deep")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await App.GetAsync("/v1/models/other")).Status);
    }

    [Fact]
    public async Task Too_long_a_prompt_is_refused()
    {
        string words = string.Join(' ', Enumerable.Range(0, 9000));
        JsonElement error = await App.RefusalAsync(
            Chat,
            $$"""{"messages":[{"role":"user","content":"{{words}}"}]}"""
        );
        Assert.Equal("context_length_exceeded", error.GetProperty("code").GetString());
    }

    private static TheoryData<string, string> Rows(Func<FieldTable, IEnumerable<string>> group)
    {
        var rows = new TheoryData<string, string>();
        foreach ((string path, (_, FieldTable fields)) in s_apis)
        {
            foreach (string field in group(fields))
                rows.Add(path, field);
        }
        return rows;
    }

    /// <summary>A request that is right but for a field, which takes the place of its own.</summary>
    private static string With(string path, string field, string value)
    {
        var body = System.Text.Json.Nodes.JsonNode.Parse($"{{{s_apis[path].Body}}}")!.AsObject();
        body[field] = System.Text.Json.Nodes.JsonNode.Parse(value);
        if (field == "stream_options")
            body["stream"] = true;
        return body.ToJsonString();
    }
}
