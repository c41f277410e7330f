using System.Text.Json;
using System.Text.Json.Nodes;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Json.Schema;
using static Hadal.Tests.Server.Messages.MessageRequests;

namespace Hadal.Tests.Server.Messages;

/// <summary>Answers of <c>/v1/messages</c>.</summary>
public sealed class MessagesTests(MessagesFixture fixture) : IClassFixture<MessagesFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ServerApp App => fixture.App;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whole_and_streamed_answers_are_those_of_the_engine(bool thinks)
    {
        ChatAnswer expected = await App.Model.Chat.SubmitAsync(
            new ChatRequest
            {
                Conversation = new ChatConversation
                {
                    Turns = [ChatTurn.System("Be brief."), ChatTurn.User("Who's there?")],
                    Thinking = thinks,
                },
                Generation = new GenerationOptions
                {
                    Sampling = fixture.Sampling,
                    Stop = new() { MaxTokens = 2000 },
                },
            },
            Cancellation
        );
        await expected.ReadToEndAsync(Cancellation);
        ChatTurn turn = expected.Choices[0].Turn;
        Assert.Equal(AnswerFinish.Stop, expected.Choices[0].Finish);
        Assert.NotEqual("", turn.Content);
        Assert.Equal(thinks, turn.Reasoning is not null);

        JsonObject body = Ask(2000);
        body["system"] = "Be brief.";
        body["thinking"] = Node(
            thinks ? """{"type":"enabled","budget_tokens":1024}""" : """{"type":"disabled"}"""
        );
        JsonObject whole = await App.PostMessageAsync(body);
        Assert.Equal("message", (string?)whole["type"]);
        Assert.Equal("assistant", (string?)whole["role"]);
        Assert.Equal("deep", (string?)whole["model"]);
        Assert.StartsWith("msg_", (string?)whole["id"], StringComparison.Ordinal);
        Assert.Equal("end_turn", (string?)whole["stop_reason"]);
        JsonArray content = whole["content"]!.AsArray();
        Assert.Equal(thinks ? ["thinking", "text"] : ["text"], Types(content));
        Assert.Equal(turn.Content, (string?)content[^1]!["text"]);
        if (thinks)
        {
            Assert.Equal(turn.Reasoning, (string?)content[0]!["thinking"]);
            Assert.NotEqual("", (string?)content[0]!["signature"]);
        }
        JsonNode usage = whole["usage"]!;
        Assert.Equal(expected.Usage.PromptTokens, InputTokens(whole));
        Assert.Equal(expected.Usage.GeneratedTokens, (int)usage["output_tokens"]!);
        Assert.Equal(
            expected.ReasoningTokens,
            (int)usage["output_tokens_details"]!["thinking_tokens"]!
        );
        await App.MustStreamAsync(body, whole);
    }

    [Fact]
    public async Task Thought_can_be_left_out()
    {
        JsonObject body = Ask(2000);
        body["thinking"] = Node("""{"type":"adaptive"}""");
        JsonObject shown = await App.PostMessageAsync(body);
        body["thinking"]!["display"] = "omitted";
        JsonObject omitted = await App.PostMessageAsync(body);
        Assert.NotEqual("", (string?)shown["content"]![0]!["thinking"]);
        Assert.Equal("", (string?)omitted["content"]![0]!["thinking"]);
        shown["content"]![0]!["thinking"] = "";
        Assert.Equal(MessageEvents.Stable(shown), MessageEvents.Stable(omitted));
        await App.MustStreamAsync(body, omitted);
    }

    [Fact]
    public async Task Stop_sequence_that_came_is_told()
    {
        JsonObject body = Ask(60);
        string all = (string)(await App.PostMessageAsync(body))["content"]![0]!["text"]!;
        int half = all.Length / 2;
        string stop = all[half..Math.Min(half + 3, all.Length)];
        body["stop_sequences"] = new JsonArray("never to come", stop);
        JsonObject stopped = await App.PostMessageAsync(body);
        Assert.Equal("stop_sequence", (string?)stopped["stop_reason"]);
        Assert.Equal(stop, (string?)stopped["stop_sequence"]);
        Assert.Equal(
            all[..all.IndexOf(stop, StringComparison.Ordinal)],
            (string?)stopped["content"]![0]!["text"]
        );
        await App.MustStreamAsync(body, stopped);
    }

    [Fact]
    public async Task Cached_tokens_are_none_of_the_input()
    {
        JsonObject body = Ask(1);
        body["system"] = string.Join(' ', Enumerable.Range(0, 300));
        JsonNode first = (await App.PostMessageAsync(body))["usage"]!;
        Assert.Equal(0, (int)first["cache_read_input_tokens"]!);
        int prompt = (int)first["input_tokens"]!;
        JsonNode again = (await App.PostMessageAsync(body))["usage"]!;
        // Whole pages of 64, without the last token.
        int cached = (prompt - 1) / 64 * 64;
        Assert.InRange(cached, 64, int.MaxValue);
        Assert.Equal(cached, (int)again["cache_read_input_tokens"]!);
        Assert.Equal(prompt - cached, (int)again["input_tokens"]!);
        Assert.Equal(0, (int)again["cache_creation_input_tokens"]!);
        Assert.Equal(prompt, await App.CountTokensAsync(body));
    }

    [Theory]
    [InlineData("output_format")]
    [InlineData("output_config")]
    public async Task Content_fits_the_schema(string field)
    {
        JsonObject body = Ask(2000);
        JsonNode format = Node($$"""{"type":"json_schema","schema":{{Schema}}}""");
        body[field] =
            field == "output_format"
                ? format
                : new JsonObject { ["format"] = format, ["effort"] = "high" };
        string text = (string)(await App.PostMessageAsync(body))["content"]![0]!["text"]!;
        using var json = JsonDocument.Parse(text);
        Assert.True(JsonSchema.FromText(Schema).Evaluate(json.RootElement).IsValid, text);
        // The model is told of it.
        Assert.InRange(
            await App.CountTokensAsync(body),
            await App.CountTokensAsync(Ask(2000)) + 1,
            int.MaxValue
        );
    }

    [Theory]
    [InlineData("temperature", 0)]
    [InlineData("top_k", 1)]
    [InlineData("top_p", 0)]
    public async Task Sampling_is_as_it_is_asked_for(string field, int value)
    {
        ChatAnswer greedy = await App.Model.Chat.SubmitAsync(
            new ChatRequest
            {
                Conversation = new ChatConversation { Turns = [ChatTurn.User("Who's there?")] },
                Generation = new GenerationOptions
                {
                    Sampling = fixture.Sampling with { Temperature = 0 },
                    Stop = new() { MaxTokens = 12 },
                },
            },
            Cancellation
        );
        await greedy.ReadToEndAsync(Cancellation);
        JsonObject body = Ask(12);
        string drawn = (string)(await App.PostMessageAsync(body))["content"]![0]!["text"]!;
        body[field] = value;
        string text = (string)(await App.PostMessageAsync(body))["content"]![0]!["text"]!;
        Assert.Equal(greedy.Choices[0].Turn.Content, text);
        Assert.NotEqual(drawn, text);
    }
}
