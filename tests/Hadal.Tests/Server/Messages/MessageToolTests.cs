using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using static Hadal.Tests.Server.Messages.MessageRequests;

namespace Hadal.Tests.Server.Messages;

/// <summary>Calls of tools in answers of <c>/v1/messages</c>.</summary>
public sealed class MessageToolTests(MessagesFixture fixture) : IClassFixture<MessagesFixture>
{
    private ServerApp App => fixture.App;

    [Theory]
    [InlineData("""{"type":"any"}""", null, false)]
    [InlineData("""{"type":"any"}""", null, true)]
    [InlineData("""{"type":"tool","name":"open"}""", "open", false)]
    [InlineData("""{"type":"tool","name":"shut"}""", "shut", true)]
    public async Task Calls_that_are_asked_for_come_and_fit_their_schema(
        string choice,
        string? name,
        bool thinks
    )
    {
        JsonObject body = WithTools(2000);
        body["tool_choice"] = Node(choice);
        if (thinks)
            body["thinking"] = Node("""{"type":"adaptive"}""");
        JsonObject whole = await App.PostMessageAsync(body);
        Assert.Equal("tool_use", (string?)whole["stop_reason"]);
        JsonNode[] blocks = [.. whole["content"]!.AsArray().Select(block => block!)];
        Assert.Equal(thinks ? "thinking" : "tool_use", (string?)blocks[0]["type"]);
        JsonNode[] calls = blocks[(thinks ? 1 : 0)..];
        Assert.NotEmpty(calls);
        Assert.All(
            calls,
            call =>
            {
                Assert.Equal("tool_use", (string?)call["type"]);
                Assert.Matches("^toolu_[0-9a-f]+$", (string?)call["id"]);
                Assert.Contains(
                    (string)call["name"]!,
                    (string[])(name is null ? ["open", "shut"] : [name])
                );
                JsonElement input = call["input"]!.Deserialize<JsonElement>();
                if ((string?)call["name"] == "open")
                    Assert.True(JsonSchema.FromText(Schema).Evaluate(input).IsValid);
                else
                    Assert.Equal("{}", input.GetRawText());
            }
        );
        Assert.Distinct(calls.Select(call => (string?)call["id"]));
        await App.MustStreamAsync(body, whole);

        body["tool_choice"]!["disable_parallel_tool_use"] = true;
        JsonObject alone = await App.PostMessageAsync(body);
        Assert.Single(Types(alone["content"]!.AsArray()), "tool_use");
    }

    [Fact]
    public async Task Call_that_the_limit_cuts_is_none_and_its_stream_is_whole()
    {
        JsonObject body = WithTools(2000);
        body["tool_choice"] = Node("""{"type":"tool","name":"open"}""");
        List<JsonObject> events = [];
        for (int most = 20; most < 600 && !IsCut(events); most++)
        {
            body["max_tokens"] = most;
            events = await App.StreamMessageAsync(body);
        }
        Assert.True(IsCut(events));
        JsonObject cut = await App.PostMessageAsync(body);
        Assert.Equal("max_tokens", (string?)cut["stop_reason"]);
        Assert.Equal(
            MessageEvents.Stable(cut),
            MessageEvents.Stable(MessageEvents.Replay(events, isCut: true))
        );

        static bool IsCut(List<JsonObject> events) =>
            events.Count > 4
            && (string?)events[^2]["delta"]!["stop_reason"] == "max_tokens"
            && (string?)events[^4]["delta"]?["type"] == "input_json_delta"
            && !((string)events[^4]["delta"]!["partial_json"]!).EndsWith('}');
    }

    /// <summary>One tool with a schema that can't be kept to takes nothing from the others.</summary>
    [Fact]
    public async Task Schema_that_can_not_be_kept_to_leaves_its_tool_free()
    {
        JsonObject body = WithTools(40);
        body["tools"]!
            .AsArray()
            .Add(
                Node(
                    """{"name":"loose","input_schema":{"type":"object","properties":{"a":{"type":"array","uniqueItems":true}},"required":["a"]}}"""
                )
            );
        body["tool_choice"] = Node("""{"type":"tool","name":"loose"}""");
        List<JsonObject> events = await App.StreamMessageAsync(body);
        Assert.Equal("loose", (string?)events[1]["content_block"]!["name"]);
        body["tool_choice"] = Node("""{"type":"any"}""");
        MessageEvents.Replay(await App.StreamMessageAsync(body), isCut: true);
    }

    [Fact]
    public async Task Tools_are_not_told_of_where_the_choice_is_none()
    {
        JsonObject body = WithTools(1);
        int auto = await App.CountTokensAsync(body);
        body["tool_choice"] = Node("""{"type":"none"}""");
        Assert.Equal(await App.CountTokensAsync(Ask(1)), await App.CountTokensAsync(body));
        Assert.Equal(
            await App.CountTokensAsync(Ask(1)),
            InputTokens(await App.PostMessageAsync(body))
        );
        body["tool_choice"] = Node("""{"type":"auto"}""");
        Assert.Equal(auto, await App.CountTokensAsync(body));
        Assert.Equal(auto, InputTokens(await App.PostMessageAsync(body)));
    }

    [Fact]
    public async Task Answer_that_is_sent_back_is_found_in_the_cache()
    {
        JsonObject body = WithTools(2000);
        body["tool_choice"] = Node("""{"type":"any"}""");
        JsonObject answer = await App.PostMessageAsync(body);
        int known = InputTokens(answer) + (int)answer["usage"]!["output_tokens"]!;
        JsonArray messages = body["messages"]!.AsArray();
        messages.Add(
            new JsonObject { ["role"] = "assistant", ["content"] = answer["content"]!.DeepClone() }
        );
        messages.Add(
            new JsonObject
            {
                ["role"] = "user",
                ["content"] = new JsonArray([
                    .. answer["content"]!
                        .AsArray()
                        .Select(call => new JsonObject
                        {
                            ["type"] = "tool_result",
                            ["tool_use_id"] = (string)call!["id"]!,
                            ["content"] = "it is shut",
                        }),
                ]),
            }
        );
        body["tool_choice"] = Node("""{"type":"auto"}""");
        body["max_tokens"] = 4;
        JsonObject next = await App.PostMessageAsync(body);
        // All whole pages of the prompt and of what was generated, but for its last token, which never was in the model.
        Assert.Equal((known - 1) / 64 * 64, (int)next["usage"]!["cache_read_input_tokens"]!);
        Assert.Equal(await App.CountTokensAsync(body), InputTokens(next));
    }
}
