using System.Collections.Concurrent;
using System.Diagnostics;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Tests.Inference;
using static Hadal.Tests.Answering.ChatEngines;

namespace Hadal.Tests.Answering;

/// <summary>What ends answers before the model does.</summary>
public sealed class ChatEngineEndTests(ChatEngines engines) : IClassFixture<ChatEngines>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

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

    private static async Task<ChatAnswer> Read(ChatEngine chat, ChatRequest request)
    {
        ChatAnswer answer = await chat.SubmitAsync(request, Cancellation);
        await answer.ReadToEndAsync(Cancellation);
        return answer;
    }

    private static async Task<AnswerChoice> Answer(ChatEngine chat, ChatRequest request) =>
        (await Read(chat, request)).Choices[0];
}
