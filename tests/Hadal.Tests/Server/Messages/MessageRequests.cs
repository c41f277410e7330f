using System.Text.Json.Nodes;

namespace Hadal.Tests.Server.Messages;

/// <summary>Requests of <c>/v1/messages</c>, and what tests want to know of answers.</summary>
internal static class MessageRequests
{
    public const string Path = "/v1/messages";

    /// <summary>The schema of the first of <see cref="WithTools"/>.</summary>
    public const string Schema = """
        {"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"day":{"enum":["monday","friday"]},"hour":{"type":"integer","minimum":0,"maximum":23}},"required":["day","hour"],"additionalProperties":false}
        """;

    public static JsonNode Node(string json) => JsonNode.Parse(json)!;

    /// <summary>A question.</summary>
    public static JsonObject Ask(int maxTokens) =>
        Node(
                $$"""{"model":"deep","max_tokens":{{maxTokens}},"messages":[{"role":"user","content":"Who's there?"}]}"""
            )
            .AsObject();

    /// <summary>A question that may be answered by calls of <c>open</c> and <c>shut</c>.</summary>
    public static JsonObject WithTools(int maxTokens)
    {
        JsonObject body = Ask(maxTokens);
        body["tools"] = Node(
            $$"""[{"name":"open","description":"Opens a shop","input_schema":{{Schema}} },{"type":"custom","name":"shut","input_schema":{"type":"object"} }]"""
        );
        return body;
    }

    /// <summary>Tokens of the prompt, cached or not.</summary>
    public static int InputTokens(JsonObject answer) =>
        (int)answer["usage"]!["input_tokens"]! + (int)answer["usage"]!["cache_read_input_tokens"]!;

    public static string[] Types(JsonArray content) =>
        [.. content.Select(block => (string)block!["type"]!)];

    /// <summary>The whole answer.</summary>
    public static async Task<JsonObject> PostMessageAsync(this ServerApp app, JsonObject body) =>
        Node((await app.PostAsync(Path, body.ToJsonString())).GetRawText()).AsObject();

    public static async Task<int> CountTokensAsync(this ServerApp app, JsonObject body) =>
        (await app.PostAsync($"{Path}/count_tokens", body.ToJsonString()))
            .GetProperty("input_tokens")
            .GetInt32();

    /// <summary>Asks for a whole answer again, in pieces, which must make the same.</summary>
    public static async Task MustStreamAsync(
        this ServerApp app,
        JsonObject body,
        JsonObject whole
    ) =>
        Assert.Equal(
            MessageEvents.Stable(whole),
            MessageEvents.Stable(MessageEvents.Replay(await app.StreamMessageAsync(body)))
        );
}
