using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Hadal.Tests.Server.Recorded;

namespace Hadal.Tests.Server.Messages;

/// <summary>Requests in the form of Claude Code's are answered.</summary>
public sealed class ClaudeCodeTests(MessagesFixture fixture) : IClassFixture<MessagesFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Turn_of_an_agent_is_answered()
    {
        JsonObject body = JsonNode.Parse(RecordedRequests.Read("claude-code"))!.AsObject();
        body["max_tokens"] = 64;
        JsonObject answer = await SendAsync(body);
        Assert.Equal("thinking", (string?)answer["content"]![0]!["type"]);
        Assert.NotNull(answer["stop_reason"]);
        JsonNode usage = answer["usage"]!;
        int prompt = (int)usage["input_tokens"]! + (int)usage["cache_read_input_tokens"]!;
        body.Remove("max_tokens");
        body.Remove("stream");
        Assert.Equal(
            prompt,
            (await fixture.App.PostAsync("/v1/messages/count_tokens", body.ToJsonString()))
                .GetProperty("input_tokens")
                .GetInt32()
        );
    }

    /// <summary>Each tool can be called: a random model writes arguments of every schema.</summary>
    [Fact]
    public async Task Each_tool_can_be_called()
    {
        JsonObject body = JsonNode.Parse(RecordedRequests.Read("claude-code"))!.AsObject();
        body["max_tokens"] = 40;
        body["thinking"] = new JsonObject { ["type"] = "disabled" };
        foreach (JsonNode? tool in body["tools"]!.AsArray())
        {
            string name = (string)tool!["name"]!;
            body["tool_choice"] = new JsonObject { ["type"] = "tool", ["name"] = name };
            List<JsonObject> events = await fixture.App.StreamMessageAsync(body);
            JsonNode block = events[1]["content_block"]!;
            Assert.Equal("tool_use", (string?)block["type"]);
            Assert.Equal(name, (string?)block["name"]);
            MessageEvents.Replay(events, isCut: true);
        }
    }

    [Fact]
    public async Task Tool_that_runs_at_anthropic_is_refused_by_name()
    {
        const string body = """
            {"model":"deep","max_tokens":1,"messages":[{"role":"user","content":"Search for x"}],
             "tools":[{"type":"web_search_20250305","name":"web_search","max_uses":8}]}
            """;
        MessageErrorTests.MustBeError(
            (
                await fixture.App.PostAsync("/v1/messages", body, HttpStatusCode.BadRequest)
            ).GetRawText(),
            "web_search_20250305",
            "invalid_request_error"
        );
    }

    private async Task<JsonObject> SendAsync(JsonObject body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/messages?beta=true")
        {
            Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"),
        };
        foreach (
            (string name, string value) in ((string, string)[])
                [
                    ("anthropic-version", "2023-06-01"),
                    ("anthropic-beta", "claude-code-20250219,interleaved-thinking-2025-05-14"),
                    ("anthropic-dangerous-direct-browser-access", "true"),
                    ("x-app", "cli"),
                    ("x-stainless-lang", "js"),
                    ("User-Agent", "claude-cli/2.1.0 (external, cli)"),
                ]
        )
            request.Headers.TryAddWithoutValidation(name, value);
        using HttpResponseMessage response = await fixture.App.Client.SendAsync(
            request,
            Cancellation
        );
        string text = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(response.IsSuccessStatusCode, text);
        return MessageEvents.Replay(MessageEvents.Parse(text), isCut: true);
    }
}
