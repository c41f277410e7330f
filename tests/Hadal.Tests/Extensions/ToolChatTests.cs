using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Extensions.AI;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Tests.Answering;
using Hadal.Tests.Inference;
using Microsoft.Extensions.AI;
using Samples;
using static Hadal.Tests.Answering.ChatEngines;

namespace Hadal.Tests.Extensions;

/// <summary>Tools and schemas through the pipelines of Microsoft.Extensions.AI; what the random model says is what grammars make it say.</summary>
public sealed class ToolChatTests(ChatEngines engines) : IClassFixture<ChatEngines>
{
    private static readonly ChatMessage[] Question = [new(ChatRole.User, "Who's there?")];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public enum Unit
    {
        Celsius,
        Fahrenheit,
    }

    // A random model would never end other properties.
    [JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
    public sealed record Place(
        [property: Description("Degrees"), Range(-90, 90)] int Latitude,
        Unit Unit
    );

    [JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
    public sealed record Forecast(Unit Unit, [property: MaxLength(2)] List<Place> Places);

    [Theory]
    [InlineData(ChatFormat.V32)]
    [InlineData(ChatFormat.V31)]
    public async Task A_pipeline_calls_tools_and_feeds_their_results_back(ChatFormat format)
    {
        InferenceEngine engine = engines.Of(format);
        List<(string Name, int Days, Place Place)> calls = [];
        AIFunction tool = AIFunctionFactory.Create(
            (Unit unit, [Range(1, 9)] int days, [MaxLength(9)] string name, Place place) =>
            {
                calls.Add((name, days, place));
                return $"It rains for {days} days";
            },
            "get_weather",
            "Tells the weather"
        );
        List<ChatMessage[]> sent = [];
        using IChatClient client = new ChatClientBuilder(
            engine.AsIChatClient(defaults: Draw(engine, 3, 300))
        )
            .UseFunctionInvocation(configure: it => it.MaximumIterationsPerRequest = 3)
            .Use(
                (messages, options, next, cancellation) =>
                {
                    sent.Add([.. messages]);
                    return next(messages, options, cancellation);
                }
            )
            .Build();
        ChatResponse response = await client.GetResponseAsync(
            Question,
            new ChatOptions
            {
                Tools = [tool],
                ToolMode = ChatToolMode.RequireSpecific("get_weather"),
                AllowMultipleToolCalls = false,
            },
            Cancellation
        );

        (string name, int days, Place place) = Assert.Single(calls);
        Assert.InRange(name.Length, 0, 18);
        Assert.InRange(days, 1, 9);
        Assert.InRange(place.Latitude, -90, 90);
        Assert.True(Enum.IsDefined(place.Unit));
        Assert.Equal(2, sent.Count);
        // The question, the call, its result.
        Assert.Equal(3, sent[1].Length);
        var call = Assert.IsType<FunctionCallContent>(Assert.Single(sent[1][1].Contents));
        Assert.Equal(days, Assert.IsType<JsonElement>(call.Arguments!["days"]).GetInt32());
        var result = Assert.IsType<FunctionResultContent>(Assert.Single(sent[1][2].Contents));
        Assert.Equal(call.CallId, result.CallId);
        Assert.Equal($"It rains for {days} days", result.Result?.ToString());
        Assert.Equal(3, response.Messages.Count);
        Assert.NotEqual("", response.Messages[^1].Text);
    }

    [Theory]
    [InlineData(ChatFormat.V32)]
    [InlineData(ChatFormat.V31)]
    public async Task Results_of_parallel_calls_may_come_in_any_order(ChatFormat format)
    {
        InferenceEngine engine = engines.Of(format);
        AIFunction[] tools = [Function("one"), Function("two")];
        List<ChatMessage> messages = [.. Question];
        for (ulong seed = 0; messages.Count == 1; seed++)
        {
            using IChatClient client = engine.AsIChatClient(defaults: Draw(engine, seed));
            ChatResponse response = await client.GetResponseAsync(
                Question,
                new ChatOptions { Tools = [.. tools], ToolMode = ChatToolMode.RequireAny },
                Cancellation
            );
            ChatMessage answer = Assert.Single(response.Messages);
            FunctionCallContent[] calls = [.. answer.Contents.OfType<FunctionCallContent>()];
            Assert.Distinct(calls.Select(call => call.CallId));
            if (calls.Length < 2 || response.FinishReason != ChatFinishReason.ToolCalls)
                continue;
            messages.Add(answer);
            AIContent[] results =
            [
                .. calls.Select((call, i) => new FunctionResultContent(call.CallId, $"no. {i}")),
            ];
            string together = await Text(client, new ChatMessage(ChatRole.Tool, results));
            Assert.Equal(
                together,
                await Text(
                    client,
                    [.. results.Reverse().Select(it => new ChatMessage(ChatRole.Tool, [it]))]
                )
            );
            (calls[0], calls[1]) = (calls[1], calls[0]);
            AIContent[] exchanged =
            [
                .. calls.Select((call, i) => new FunctionResultContent(call.CallId, $"no. {i}")),
            ];
            Assert.NotEqual(
                together,
                await Text(client, new ChatMessage(ChatRole.Tool, exchanged))
            );
        }

        async Task<string> Text(IChatClient client, params ChatMessage[] results) =>
            (
                await client.GetResponseAsync(
                    [.. messages, .. results],
                    new ChatOptions { Tools = [.. tools], MaxOutputTokens = 20 },
                    Cancellation
                )
            ).Text;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_answer_is_an_object_of_a_type(bool thinks)
    {
        InferenceEngine engine = engines.Of(ChatFormat.V32);
        for (ulong seed = 0; seed < 4; seed++)
        {
            using IChatClient client = engine.AsIChatClient(
                defaults: Draw(engine, seed, 1000, "</think>")
            );
            ChatResponse<Forecast> response = await client.GetResponseAsync<Forecast>(
                Question,
                new ChatOptions
                {
                    Reasoning = thinks ? new() { Effort = ReasoningEffort.Medium } : null,
                },
                cancellationToken: Cancellation
            );
            Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
            Assert.True(Enum.IsDefined(response.Result.Unit));
            Assert.All(response.Result.Places, place => Assert.InRange(place.Latitude, -90, 90));
            IList<AIContent> contents = Assert.Single(response.Messages).Contents;
            Assert.Equal(thinks, response.Usage?.ReasoningTokenCount > 0);
            if (thinks && response.Usage?.ReasoningTokenCount > 1)
                Assert.IsType<TextReasoningContent>(contents[0]);
            Assert.IsType<TextContent>(contents[^1]);
        }
    }

    /// <summary>V3.1's calls stand in the next prompt as the model wrote them, so that they are in the cache.</summary>
    [Fact]
    public async Task A_result_after_a_call_computes_what_it_adds_and_no_more_than_a_page_again()
    {
        InferenceEngine engine = engines.Of(ChatFormat.V31);
        using IChatClient client = engine.AsIChatClient(
            defaults: Draw(engine, 3) with
            {
                CacheSalt = nameof(ToolChatTests),
            }
        );
        var options = new ChatOptions
        {
            Tools = [new Declared(Tool(Weather).Function)],
            ToolMode = ChatToolMode.RequireAny,
            AllowMultipleToolCalls = false,
        };
        ChatResponse first = await client.GetResponseAsync(Question, options, Cancellation);
        FunctionCallContent call = first
            .Messages[0]
            .Contents.OfType<FunctionCallContent>()
            .Single();
        long prompt = first.Usage!.InputTokenCount!.Value;
        long computed = prompt + first.Usage.OutputTokenCount!.Value - 1;
        Assert.True(computed / 64 > prompt / 64);
        ChatResponse second = await client.GetResponseAsync(
            [
                .. Question,
                .. first.Messages,
                new(ChatRole.Tool, [new FunctionResultContent(call.CallId, "rain")]),
            ],
            options,
            Cancellation
        );
        Assert.Equal(computed / 64 * 64, second.Usage?.CachedInputTokenCount);
    }

    [Fact]
    public async Task Telemetry_of_a_pipeline_tells_of_calls_and_tokens()
    {
        List<Activity> activities = [];
        string source = $"{nameof(ToolChatTests)}.{Guid.NewGuid()}";
        using var listener = new ActivityListener
        {
            ShouldListenTo = it => it.Name == source,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) =>
                ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activities.Add,
        };
        ActivitySource.AddActivityListener(listener);
        InferenceEngine engine = engines.Of(ChatFormat.V32);
        using IChatClient client = new ChatClientBuilder(
            engine.AsIChatClient(defaults: Draw(engine, 3, 300))
        )
            .UseOpenTelemetry(sourceName: source)
            .Build();
        ChatResponse response = await client.GetResponseAsync(
            Question,
            new ChatOptions
            {
                Tools = [Function("one")],
                ToolMode = ChatToolMode.RequireAny,
                AllowMultipleToolCalls = false,
            },
            Cancellation
        );
        Activity activity = Assert.Single(activities);
        Assert.Equal("hadal", activity.GetTagItem("gen_ai.provider.name"));
        Assert.Equal(
            (int?)response.Usage?.OutputTokenCount,
            activity.GetTagItem("gen_ai.usage.output_tokens")
        );
        Assert.Contains(
            "tool_call",
            activity.GetTagItem("gen_ai.response.finish_reasons")?.ToString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void What_the_messages_and_tools_lack_is_refused_before_anything_is_computed()
    {
        using IChatClient client = engines.Of(ChatFormat.V32).AsIChatClient();
        Assert.Equal(
            "messages[2].tool_call_id",
            Refusal([
                .. Question,
                new(ChatRole.Assistant, [new FunctionCallContent("a", "one")]),
                new(ChatRole.Tool, [new FunctionResultContent("b", "rain")]),
            ])
        );
        Assert.Equal(
            "tool_choice",
            Refusal(Question, new() { ToolMode = ChatToolMode.RequireAny })
        );
        Assert.Equal(
            "tool_choice",
            Refusal(
                Question,
                new() { Tools = [Function("one")], ToolMode = ChatToolMode.RequireSpecific("two") }
            )
        );
        string Refusal(ChatMessage[] messages, ChatOptions? options = null) =>
            Assert
                .Throws<ConversationException>(() =>
                    client.GetStreamingResponseAsync(messages, options, Cancellation)
                )
                .Path;
    }

    [Fact]
    public async Task The_sample_of_the_readme_makes_a_plan()
    {
        InferenceEngine engine = engines.Of(ChatFormat.V32);
        // So that a random model comes to an end.
        using IChatClient client = engine.AsIChatClient(
            defaults: Draw(engine, 1, 400, "{", "}", "]", "\"")
        );
        Trip trip = await Travel.PlanAsync(client);
        Assert.NotNull(trip.City);
        Assert.NotNull(trip.ToPack);
    }

    private static AIFunction Function(string name) =>
        AIFunctionFactory.Create((Unit unit) => unit, name);

    private sealed class Declared(JsonElement function) : AIFunctionDeclaration
    {
        public override string Name => function.GetProperty("name").GetString()!;

        public override JsonElement JsonSchema => function.GetProperty("parameters");
    }
}
