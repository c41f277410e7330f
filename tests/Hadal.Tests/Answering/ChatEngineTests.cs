using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Inference;
using Json.Schema;
using static Hadal.Tests.Answering.ChatEngines;

namespace Hadal.Tests.Answering;

public sealed class ChatEngineTests(ChatEngines engines) : IClassFixture<ChatEngines>
{
    private const string Schema =
        """{"type": "object", "properties": {"is_there": {"type": "boolean"}}, "required": ["is_there"], "additionalProperties": false}""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ChatFormat.V31)]
    [InlineData(ChatFormat.V32)]
    public async Task A_required_call_comes_with_arguments_that_satisfy_the_schema(
        ChatFormat format
    )
    {
        InferenceEngine engine = engines.Of(format);
        var chat = new ChatEngine(engine);
        JsonSchema schema = JsonSchema.FromText(Tool(Weather).Parameters!.Value.GetRawText());
        var request = new ChatRequest
        {
            Conversation = Ask(Time, Weather),
            ToolChoice = ToolChoice.Tool("get_weather"),
            ParallelToolCalls = false,
            Generation = Draw(engine, 1) with { Choices = 5 },
        };
        ChatAnswer answer = await chat.SubmitAsync(request, Cancellation);
        List<AnswerUpdate> updates = await answer.ToListAsync(Cancellation);
        for (int i = 0; i < answer.Choices.Count; i++)
        {
            AnswerChoice choice = answer.Choices[i];
            List<AnswerUpdate> own = [.. updates.Where(update => update.Choice == i)];
            Assert.Equal(AnswerFinish.ToolCalls, choice.Finish);
            Assert.Equal(AnswerFinish.ToolCalls, own[^1].Finish);
            Assert.All(own[..^1], update => Assert.Null(update.Finish));
            ToolCall call = Assert.Single(choice.ToolCalls);
            Assert.Equal("get_weather", call.Name);
            Assert.Matches("^call_[0-9a-f]{24}$", call.Id);
            Assert.Equal(call.Id, choice.ToolCallId(0));
            using var arguments = JsonDocument.Parse(call.Arguments);
            Assert.True(schema.Evaluate(arguments.RootElement).IsValid, call.Arguments);
            Assert.Equal("", choice.Turn.Content);
            Assert.Null(choice.Turn.Reasoning);
            // The deltas are the call.
            Assert.Equal(
                call.Arguments,
                string.Concat(
                    own.SelectMany(update => update.Deltas)
                        .Where(delta => delta.Kind == ChatDeltaKind.CallArguments)
                        .Select(delta => delta.Text)
                )
            );
            Assert.Equal(own.Select(update => update.TokenId), choice.Tokens);
        }
        Assert.Equal(updates.Count, answer.Usage.GeneratedTokens);
        Assert.Equal(0, answer.ReasoningTokens);
        (await chat.SubmitAsync(request, Cancellation)).Cancel();
        // The same tools are compiled once.
        Assert.Equal(1, chat.CompiledGrammars);
    }

    [Theory]
    [InlineData(ChatFormat.V31)]
    [InlineData(ChatFormat.V32)]
    public async Task Parallel_calls_have_ids_of_their_own(ChatFormat format)
    {
        InferenceEngine engine = engines.Of(format);
        var chat = new ChatEngine(engine);
        ChatAnswer answer = await Read(
            chat,
            new ChatRequest
            {
                Conversation = Ask(Time, Weather),
                ToolChoice = ToolChoice.Required,
                Generation = Draw(engine, 1) with { Choices = 8 },
            }
        );
        ToolCall[] calls = [.. answer.Choices.SelectMany(choice => choice.ToolCalls)];
        Assert.All(calls, call => JsonDocument.Parse(call.Arguments).Dispose());
        Assert.Distinct(calls.Select(call => call.Id));
        Assert.Contains(answer.Choices, choice => choice.ToolCalls.Count > 1);
    }

    [Fact]
    public async Task An_answer_that_may_call_or_keep_to_a_schema_does_one_of_the_two()
    {
        InferenceEngine engine = engines.Of(ChatFormat.V31);
        var chat = new ChatEngine(engine);
        var request = new ChatRequest
        {
            Conversation = Ask(Time),
            Format = AnswerFormat.JsonSchema(JsonDocument.Parse(Schema).RootElement),
            ParallelToolCalls = false,
            Generation = Draw(engine, 1) with { Choices = 10 },
        };
        int calls = 0;
        int contents = 0;
        foreach (AnswerChoice choice in (await Read(chat, request)).Choices)
        {
            if (choice.Finish == AnswerFinish.ToolCalls)
            {
                calls++;
                Assert.Equal("", choice.Turn.Content);
                Assert.Contains(
                    JsonDocument
                        .Parse(Assert.Single(choice.ToolCalls).Arguments)
                        .RootElement.GetProperty("zone")
                        .GetString(),
                    (string[])["UTC", "CET"]
                );
            }
            else
            {
                contents++;
                Assert.Equal(AnswerFinish.Stop, choice.Finish);
                JsonElement json = JsonDocument.Parse(choice.Turn.Content).RootElement;
                Assert.True(
                    json.GetProperty("is_there").ValueKind
                        is JsonValueKind.True
                            or JsonValueKind.False
                );
            }
        }
        Assert.NotEqual(0, calls);
        Assert.NotEqual(0, contents);
    }

    [Theory]
    [InlineData(ChatFormat.V31, true)]
    [InlineData(ChatFormat.V32, true)]
    [InlineData(ChatFormat.V32, false)]
    public async Task A_thought_comes_before_what_the_format_asks_for(
        ChatFormat format,
        bool hasSchema
    )
    {
        InferenceEngine engine = engines.Of(format);
        var chat = new ChatEngine(engine);
        int end = Id(engine, "</think>");
        int thoughts = 0;
        ChatAnswer answer = await Read(
            chat,
            new ChatRequest
            {
                Conversation = Ask(hasSchema ? [] : [Time]) with { Thinking = true },
                Format = hasSchema
                    ? AnswerFormat.JsonSchema(JsonDocument.Parse(Schema).RootElement)
                    : AnswerFormat.Text,
                ToolChoice = hasSchema ? ToolChoice.Auto : ToolChoice.Required,
                ParallelToolCalls = false,
                Generation = Draw(engine, 1, 400, "</think>") with { Choices = 5 },
            }
        );
        foreach (AnswerChoice choice in answer.Choices)
        {
            int[] tokens = [.. choice.Tokens];
            int thought = Array.IndexOf(tokens, end) + 1;
            Assert.NotEqual(0, thought);
            Assert.Equal(thought, choice.ReasoningTokens);
            Assert.Equal(
                engine.Tokenizer.Decode(tokens.AsSpan(0, thought - 1), skipSpecialTokens: true),
                choice.Turn.Reasoning ?? ""
            );
            if (thought > 1)
                thoughts++;
            string json = hasSchema ? choice.Turn.Content : choice.ToolCalls[0].Arguments;
            JsonDocument.Parse(json).Dispose();
        }
        Assert.NotEqual(0, thoughts);
        Assert.Equal(answer.ReasoningTokens, answer.Choices.Sum(choice => choice.ReasoningTokens));
    }

    [Fact]
    public async Task Without_a_choice_of_tools_the_prompt_has_none()
    {
        InferenceEngine engine = engines.Of(ChatFormat.V32);
        var chat = new ChatEngine(engine);
        var request = new ChatRequest
        {
            Conversation = Ask(Time),
            ToolChoice = ToolChoice.None,
            Generation = Draw(engine, 1, 8),
        };
        Assert.Equal(
            await PromptTokens(request with { Conversation = Ask() }),
            await PromptTokens(request)
        );
        Assert.NotEqual(
            await PromptTokens(request with { ToolChoice = ToolChoice.Auto }),
            await PromptTokens(request)
        );

        async Task<int> PromptTokens(ChatRequest asked)
        {
            ChatAnswer answer = chat.Submit(asked, Cancellation);
            await answer.ReadToEndAsync(Cancellation);
            return answer.Usage.PromptTokens;
        }
    }

    [Fact]
    public async Task An_answer_alone_is_as_among_others()
    {
        InferenceEngine engine = engines.Of(ChatFormat.V32);
        var chat = new ChatEngine(engine);
        List<string> alone = [];
        for (ulong seed = 0; seed < 5; seed++)
            alone.Add(Text(await Answer(chat, Request(seed))));
        AnswerChoice[] together = await Task.WhenAll(
            Enumerable.Range(0, 5).Select(seed => Answer(chat, Request((ulong)seed)))
        );
        Assert.Equal(alone, together.Select(Text));

        ChatRequest Request(ulong seed) =>
            new() { Conversation = Ask(Time), Generation = Draw(engine, seed, 60) };

        static string Text(AnswerChoice choice) => string.Join(' ', choice.Tokens);
    }

    /// <summary>A BOS is drawn often; what a text has of it is for the options to say.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Special_tokens_are_left_out_of_the_content_where_they_are_to_be(bool skips)
    {
        const string bos = "<｜begin▁of▁sentence｜>";
        InferenceEngine engine = engines.Of(ChatFormat.V32);
        AnswerChoice choice = await Answer(
            new ChatEngine(engine),
            new ChatRequest
            {
                Conversation = Ask(),
                Generation = Draw(engine, 1, 60, bos) with { SkipSpecialTokens = skips },
            }
        );
        Assert.Contains(Id(engine, bos), choice.Tokens);
        Assert.Equal(!skips, choice.Turn.Content.Contains(bos, StringComparison.Ordinal));
        Assert.Equal(
            engine
                .Tokenizer.Decode([.. choice.Tokens], skips)
                .Replace("\uFFFD", "", StringComparison.Ordinal),
            choice.Turn.Content.Replace("\uFFFD", "", StringComparison.Ordinal)
        );
    }

    private static async Task<ChatAnswer> Read(ChatEngine chat, ChatRequest request)
    {
        ChatAnswer answer = await chat.SubmitAsync(request, Cancellation);
        await answer.ReadToEndAsync(Cancellation);
        return answer;
    }

    private static async Task<AnswerChoice> Answer(ChatEngine chat, ChatRequest request) =>
        (await Read(chat, request)).Choices[0];
}
