using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Hadal.Tests.Server.Messages;

/// <summary>Streams of <c>/v1/messages</c>.</summary>
internal static class MessageEvents
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The events of an answer, which must be named as their types.</summary>
    public static async Task<List<JsonObject>> StreamMessageAsync(
        this ServerApp app,
        JsonObject body
    )
    {
        JsonNode streamed = body.DeepClone();
        streamed["stream"] = true;
        using HttpResponseMessage response = await app.SendAsync(
            "/v1/messages",
            streamed.ToJsonString(),
            Cancellation
        );
        string text = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        return Parse(text);
    }

    public static List<JsonObject> Parse(string text)
    {
        List<JsonObject> events = [];
        foreach (string one in text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            string[] lines = one.Split('\n');
            Assert.Equal(2, lines.Length);
            JsonObject data = JsonNode.Parse(lines[1]["data: ".Length..])!.AsObject();
            Assert.Equal($"event: {data["type"]}", lines[0]);
            events.Add(data);
        }
        return events;
    }

    /// <summary>The whole answer that a client makes of the events, which must be in their order.</summary>
    /// <param name="events">The events.</param>
    /// <param name="isCut">Whether the last block may be half of a call, which is left out.</param>
    public static JsonObject Replay(IReadOnlyList<JsonObject> events, bool isCut = false)
    {
        Assert.Equal("message_start", Type(events[0]));
        Assert.Equal("message_delta", Type(events[^2]));
        Assert.Equal("message_stop", Type(events[^1]));
        JsonObject message = events[0]["message"]!.DeepClone().AsObject();
        var content = new JsonArray();
        var input = new StringBuilder();
        JsonObject? block = null;
        foreach (JsonObject one in events.Take(1..^2).Where(one => Type(one) != "ping"))
        {
            Assert.Equal(content.Count, (int)one["index"]!);
            switch (Type(one))
            {
                case "content_block_start":
                    Assert.Null(block);
                    block = one["content_block"]!.DeepClone().AsObject();
                    input.Clear();
                    break;
                case "content_block_delta":
                    JsonObject delta = one["delta"]!.AsObject();
                    string field = Type(delta)[..^"_delta".Length];
                    if (field == "input_json")
                        input.Append((string)delta["partial_json"]!);
                    else
                        block![field] = (string)block[field]! + (string)delta[field]!;
                    break;
                default:
                    Assert.Equal("content_block_stop", Type(one));
                    bool isHalf = isCut && one == events[^3] && Type(block!) == "tool_use";
                    if (Type(block!) == "tool_use" && !isHalf)
                        block!["input"] = JsonNode.Parse(input.ToString());
                    if (!isHalf)
                        content.Add(block);
                    block = null;
                    break;
            }
        }
        Assert.Null(block);
        message["content"] = content;
        foreach ((string name, JsonNode? value) in events[^2]["delta"]!.AsObject())
            message[name] = value?.DeepClone();
        message["usage"] = events[^2]["usage"]!.DeepClone();
        return message;
    }

    /// <summary>An answer without what differs from one time to the next: its ids, and what was cached.</summary>
    public static string Stable(JsonNode answer)
    {
        JsonObject message = answer.DeepClone().AsObject();
        JsonNode usage = message["usage"]!;
        message["usage"] = (int)usage["input_tokens"]! + (int)usage["cache_read_input_tokens"]!;
        message["output_tokens"] = (int)usage["output_tokens"]!;
        message["thinking_tokens"] = (int)usage["output_tokens_details"]!["thinking_tokens"]!;
        message.Remove("id");
        foreach (JsonNode? block in message["content"]!.AsArray())
            block!.AsObject().Remove("id");
        return message.ToJsonString();
    }

    private static string Type(JsonObject one) => (string)one["type"]!;
}
