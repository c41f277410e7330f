using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Inference;
using Hadal.Tests.Inference;
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
    public async Task A_stop_string_ends_its_choice_alone()
    {
        InferenceEngine engine = engines.Of(ChatFormat.V32);
        var chat = new ChatEngine(engine);
        GenerationOptions options = Draw(engine, 5, 60) with { Choices = 2, LogProbs = 1 };
        var request = new ChatRequest { Conversation = Ask(), Generation = options };
        ChatAnswer whole = chat.Submit(request, Cancellation);
        await whole.ReadToEndAsync(Cancellation);
        AnswerChoice[] choices = [.. whole.Choices];
        string text = choices[1].Turn.Content;
        string stop = text.Substring(text.Length / 2, 4);
        Assert.DoesNotContain(stop, choices[0].Turn.Content, StringComparison.Ordinal);

        ChatAnswer answer = chat.Submit(
            request with
            {
                Generation = options with { Stop = options.Stop with { Strings = [stop] } },
            },
            Cancellation
        );
        List<AnswerUpdate> updates = await answer.ToListAsync(Cancellation);
        Assert.Equal(choices[0].Turn.Content, answer.Choices[0].Turn.Content);
        Assert.Equal(AnswerFinish.Length, answer.Choices[0].Finish);
        Assert.Equal(
            text[..text.IndexOf(stop, StringComparison.Ordinal)],
            answer.Choices[1].Turn.Content
        );
        Assert.Equal(AnswerFinish.Stop, answer.Choices[1].Finish);
        // What came after the stop string is not counted.
        int[] tokens = [.. answer.Choices[1].Tokens];
        Assert.Contains(stop, engine.Tokenizer.Decode(tokens, true), StringComparison.Ordinal);
        Assert.DoesNotContain(
            stop,
            engine.Tokenizer.Decode(tokens.AsSpan(0, tokens.Length - 1), true),
            StringComparison.Ordinal
        );
        Assert.Equal(60 + tokens.Length, answer.Usage.GeneratedTokens);
        Assert.Equal(2, updates.Count(update => update.Finish is not null));
        Assert.All(updates, update => Assert.Equal(update.TokenId, update.LogProbs?.Token.Id));
        engine.MustBeUnused();
    }

    [Fact]
    public async Task After_a_stop_string_the_engine_goes_on_no_more()
    {
        const int limit = 5000;
        ConcurrentQueue<Activity> ended = [];
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Hadal",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) =>
                ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = ended.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        InferenceEngine engine = engines.Of(ChatFormat.V32);
        GenerationOptions options = Draw(engine, 7, limit) with { StopAtEos = false };
        using Activity parent = new Activity(
            nameof(After_a_stop_string_the_engine_goes_on_no_more)
        ).Start();
        AnswerChoice choice = await Answer(
            new ChatEngine(engine),
            new ChatRequest
            {
                Conversation = Ask(),
                Generation = options with { Stop = options.Stop with { Strings = ["e"] } },
            }
        );
        Assert.Equal(AnswerFinish.Stop, choice.Finish);
        Activity? activity = null;
        Waiting.Until(() =>
            (activity = ended.FirstOrDefault(it => it.ParentId == parent.Id)) is not null
        );
        Assert.Equal(
            ["stop"],
            Assert.IsType<string[]>(activity!.GetTagItem("gen_ai.response.finish_reasons"))
        );
        Assert.InRange(
            Assert.IsType<int>(activity!.GetTagItem("gen_ai.usage.output_tokens")),
            choice.Tokens.Count,
            limit - 1
        );
    }

    [Fact]
    public async Task A_call_that_is_cut_is_none()
    {
        InferenceEngine engine = engines.Of(ChatFormat.V32);
        ChatAnswer answer = await Read(
            new ChatEngine(engine),
            new ChatRequest
            {
                Conversation = Ask(Weather),
                ToolChoice = ToolChoice.Required,
                Generation = Draw(engine, 1, 60) with { Choices = 3 },
            }
        );
        foreach (AnswerChoice choice in answer.Choices)
        {
            Assert.Equal(AnswerFinish.Length, choice.Finish);
            Assert.Empty(choice.ToolCalls);
            Assert.Empty(choice.Turn.ToolCalls);
            Assert.Equal("", choice.Turn.Content);
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

    [Fact]
    public async Task A_cancelled_answer_ends_with_what_it_has()
    {
        InferenceEngine engine = engines.Of(ChatFormat.V32);
        ChatAnswer answer = new ChatEngine(engine).Submit(
            new ChatRequest { Conversation = Ask(), Generation = Draw(engine, 1, 4000) },
            Cancellation
        );
        int count = 0;
        await foreach (AnswerUpdate _ in answer.WithCancellation(Cancellation))
        {
            if (++count == 3)
                answer.Cancel();
        }
        Assert.Equal(AnswerFinish.Cancelled, answer.Choices[0].Finish);
        Assert.InRange(answer.Choices[0].Tokens.Count, 3, 3999);
        engine.MustBeUnused();
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

    public static TheoryData<string> Refused { get; } =
    [
        "messages[1].tool_call_id",
        "tool_choice: is 'ask'",
        "tool_choice: asks",
        "response_format: can't",
        "response_format: is a grammar",
        "tools[1].function.name",
    ];

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_does_not_go_together_is_refused_by_name(string begin)
    {
        var chat = new ChatEngine(engines.Of(ChatFormat.V32));
        var request = new ChatRequest { Conversation = Ask(Time) };
        request = begin switch
        {
            "messages[1].tool_call_id" => request with
            {
                Conversation = new()
                {
                    Turns =
                    [
                        ChatTurn.Assistant("") with
                        {
                            ToolCalls = [new("a", "get_time", "{}")],
                        },
                        ChatTurn.Tool("b", "noon"),
                    ],
                },
            },
            "tool_choice: is 'ask'" => request with { ToolChoice = ToolChoice.Tool("ask") },
            "tool_choice: asks" => request with
            {
                Conversation = Ask(),
                ToolChoice = ToolChoice.Required,
            },
            "response_format: can't" => request with
            {
                Format = AnswerFormat.JsonObject,
                ToolChoice = ToolChoice.Required,
            },
            "response_format: is a grammar" => request with
            {
                Format = AnswerFormat.Of(Grammar.FromChoices(["yes"])),
            },
            _ => request with { Conversation = Ask(Time, Time) },
        };
        var error = Assert.Throws<ConversationException>(() => chat.Check(request));
        Assert.StartsWith(begin, error.Message, StringComparison.Ordinal);
        Assert.Throws<ConversationException>(() => chat.Submit(request, Cancellation));
    }

    [Fact]
    public async Task What_can_not_be_kept_to_is_refused()
    {
        InferenceEngine engine = engines.Of(ChatFormat.V31);
        var chat = new ChatEngine(engine);
        var thinking = new ChatRequest { Conversation = Ask(Time) with { Thinking = true } };
        Assert.Equal(
            "thinking",
            Assert.Throws<ConversationException>(() => chat.Check(thinking)).Path
        );
        var grammar = new GenerationOptions { Grammar = Grammar.FromJsonObject() };
        Assert.Throws<ArgumentException>(() =>
            chat.Check(new ChatRequest { Conversation = Ask(), Generation = grammar })
        );
        var broken = Ask("""{"name": "f", "parameters": {"type": "object", "not": {}}}""");
        var error = await Assert.ThrowsAsync<GrammarException>(() =>
            chat.SubmitAsync(new ChatRequest { Conversation = broken }, Cancellation)
        );
        Assert.Contains("tool 'f'", error.Message, StringComparison.Ordinal);
        var v3 = new ChatEngine(engine, new ChatTemplate(ChatFormat.V3));
        Assert.Equal(
            "tools",
            Assert
                .Throws<ConversationException>(() => v3.Check(new() { Conversation = Ask(Time) }))
                .Path
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
