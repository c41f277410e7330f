using System.Text.Json;
using System.Text.Json.Nodes;
using Hadal.Tests.Model;
using Hadal.Tests.Server.Messages;

namespace Hadal.Tests.Server;

/// <summary>Calls in V3.1's format, of a random model.</summary>
public sealed class V31ServerTests : IAsyncLifetime
{
    private const string Chat = "/v1/chat/completions";
    private const string Messages = "/v1/messages";
    private const string Schema =
        """{"type":"object","properties":{"day":{"enum":["monday","friday"]}},"required":["day"],"additionalProperties":false}""";

    private readonly ChatModels _models = new();
    private ServerApp _app = null!;

    public async ValueTask InitializeAsync() =>
        _app = await ServerApp.StartAsync(
            _models.V31,
            configure: options =>
            {
                options.Threads = 1;
                options.CacheTokens = 2048;
            }
        );

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _models.Dispose();
    }

    [Fact]
    public async Task Tool_is_called_streamed_and_answered()
    {
        JsonObject body = JsonNode
            .Parse(
                $$"""
                {"messages":[{"role":"user","content":"Who's there?"}],"temperature":0,"max_tokens":200,"tool_choice":"required","parallel_tool_calls":false,
                 "tools":[{"type":"function","function":{"name":"open","parameters":{{Schema}} } }]}
                """
            )!
            .AsObject();
        JsonElement message = (await _app.PostAsync(Chat, body.ToJsonString()))
            .GetProperty("choices")[0]
            .GetProperty("message");
        JsonElement call = Assert.Single(message.GetProperty("tool_calls").EnumerateArray());
        string arguments = call.GetProperty("function").GetProperty("arguments").GetString()!;
        Assert.Contains(
            JsonElement.Parse(arguments).GetProperty("day").GetString()!,
            (string[])["monday", "friday"]
        );
        body["stream"] = true;
        List<JsonElement> chunks = await _app.StreamAsync(Chat, body.ToJsonString());
        Assert.Equal(
            arguments,
            string.Concat(
                chunks
                    .Select(chunk => chunk.GetProperty("choices")[0].GetProperty("delta"))
                    .Where(delta => delta.TryGetProperty("tool_calls", out _))
                    .Select(delta =>
                        delta
                            .GetProperty("tool_calls")[0]
                            .GetProperty("function")
                            .GetProperty("arguments")
                            .GetString()
                    )
            )
        );
        body.Remove("stream");
        body["tool_choice"] = "auto";
        body["max_tokens"] = 4;
        JsonArray messages = body["messages"]!.AsArray();
        messages.Add(JsonNode.Parse(message.GetRawText()));
        messages.Add(
            new JsonObject
            {
                ["role"] = "tool",
                ["tool_call_id"] = call.GetProperty("id").GetString(),
                ["content"] = "it is shut",
            }
        );
        await _app.PostAsync(Chat, body.ToJsonString());
        body["thinking"] = true;
        Assert.Equal(
            "thinking",
            (await _app.RefusalAsync(Chat, body.ToJsonString())).GetProperty("param").GetString()
        );
    }

    /// <summary>Where the model chooses whether to think, it does so without tools alone.</summary>
    [Fact]
    public async Task Messages_api_calls_tools_and_thinks_without_them()
    {
        JsonObject body = JsonNode
            .Parse(
                $$"""
                {"model":"deep","max_tokens":200,"temperature":0,"thinking":{"type":"adaptive"},"messages":[{"role":"user","content":"Who's there?"}],
                 "tools":[{"name":"open","input_schema":{{Schema}} }],"tool_choice":{"type":"any","disable_parallel_tool_use":true} }
                """
            )!
            .AsObject();
        JsonObject answer = MessageEvents.Replay(await _app.StreamMessageAsync(body));
        JsonNode call = Assert.Single(answer["content"]!.AsArray())!;
        Assert.Contains((string)call["input"]!["day"]!, (string[])["monday", "friday"]);
        body["thinking"] = new JsonObject { ["type"] = "enabled", ["budget_tokens"] = 1024 };
        MessageErrorTests.MustBeError(
            (
                await _app.PostAsync(
                    Messages,
                    body.ToJsonString(),
                    System.Net.HttpStatusCode.BadRequest
                )
            ).GetRawText(),
            "thinking",
            "invalid_request_error"
        );
        body["thinking"] = new JsonObject { ["type"] = "adaptive" };
        body["max_tokens"] = 4;
        body.Remove("tools");
        body.Remove("tool_choice");
        JsonElement thought = await _app.PostAsync(Messages, body.ToJsonString());
        Assert.Equal("thinking", thought.GetProperty("content")[0].GetProperty("type").GetString());
    }
}
