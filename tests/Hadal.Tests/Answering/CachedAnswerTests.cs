using Hadal.Answering;
using Hadal.Chat;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Inference;
using Hadal.Tests.Model;
using static Hadal.Tests.Answering.ChatEngines;

namespace Hadal.Tests.Answering;

/// <summary>What of a conversation is in the prefix cache when it goes on, and how chats share steps.</summary>
public sealed class CachedAnswerTests(ChatEngines engines) : IClassFixture<ChatEngines>
{
    private const int Page = 64;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private InferenceEngine Engine => engines.Of(ChatFormat.V32);

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(true, false)]
    public async Task A_result_after_a_call_finds_the_call_and_its_thought(
        bool thinks,
        bool hasTokens
    )
    {
        (ChatAnswer answer, int cached) = await AnswerAfterCall(thinks, hasTokens, isKnown: true);
        Assert.Equal(Computed(answer) / Page * Page, cached);
    }

    /// <summary>The tokens of a text need not be those that the model drew.</summary>
    [Fact]
    public async Task An_answer_that_is_known_by_its_text_alone_is_computed_again()
    {
        (ChatAnswer answer, int cached) = await AnswerAfterCall(false, false, isKnown: false);
        Assert.True(cached < Computed(answer) / Page * Page);
    }

    [Fact]
    public async Task A_turn_after_a_thought_is_computed_from_where_the_thought_was()
    {
        var chat = new ChatEngine(Engine);
        ChatRequest request = Request("thought", true) with
        {
            ToolChoice = ToolChoice.None,
            Generation = Draw(Engine, 3, 200, "</think>") with { CacheSalt = "thought" },
        };
        ChatAnswer answer = await Read(chat, request);
        AnswerChoice choice = answer.Choices[0];
        Assert.InRange(choice.ReasoningTokens, 1, 199);
        // The prompt's last token is now </think>.
        int common = answer.Usage.PromptTokens - 1;
        Assert.Equal(
            common / Page * Page,
            await Cached(chat, request, choice.Turn, ChatTurn.User("And then?"))
        );
    }

    [Fact]
    public async Task Chats_at_the_same_time_share_steps_and_say_what_they_say_alone()
    {
        DeepSeekModel model = Engine.Model;
        ChatRequest[] requests =
        [
            .. Enumerable
                .Range(0, 4)
                .Select(i => new ChatRequest
                {
                    Conversation = Ask(Time),
                    ToolChoice = i % 2 == 0 ? ToolChoice.Required : ToolChoice.Auto,
                    Generation = Draw(Engine, (ulong)i, 40),
                }),
        ];
        int steps = 0;
        List<string> alone = [];
        foreach (ChatRequest request in requests)
            alone.AddRange(await Run(request));
        int stepsAlone = steps;
        steps = 0;
        Assert.Equal(alone, await Run(requests));
        Assert.InRange(steps, 40, stepsAlone / 3);

        async Task<string[]> Run(params ChatRequest[] asked)
        {
            using InferenceEngine engine = Engines.Stepped(
                model,
                Engine.Tokenizer,
                ChatModels.ContextTokens
            );
            var chat = new ChatEngine(engine);
            ChatAnswer[] answers = [.. asked.Select(it => chat.Submit(it, Cancellation))];
            while (engine.Step())
                steps++;
            await Task.WhenAll(answers.Select(answer => answer.ReadToEndAsync(Cancellation)));
            return [.. answers.Select(answer => string.Join(' ', answer.Choices[0].Tokens))];
        }
    }

    [Fact]
    public async Task An_answer_given_up_inside_a_call_gives_its_pages_back()
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        ChatAnswer answer = new ChatEngine(Engine).Submit(
            new ChatRequest
            {
                Conversation = Ask(
                    """{"name": "tell", "parameters": {"type": "object", "properties": {"all": {"type": "string"}}, "required": ["all"]}}"""
                ),
                ToolChoice = ToolChoice.Required,
                Generation = Draw(Engine, 1, 6000),
            },
            Cancellation
        );
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (AnswerUpdate update in answer.WithCancellation(source.Token))
            {
                if (update.Deltas.Any(delta => delta.Kind == ChatDeltaKind.CallArguments))
                    await source.CancelAsync();
            }
        });
        Assert.Empty(answer.Choices[0].ToolCalls);
        Waiting.Until(() => Engine.Cache.Statistics.ReferencedPages == 0);
    }

    private static int Computed(ChatAnswer answer) =>
        answer.Usage.PromptTokens + answer.Usage.GeneratedTokens - 1;

    /// <summary>A call, and how many tokens the prompt with its result finds in the cache.</summary>
    /// <param name="thinks">Whether the model thinks.</param>
    /// <param name="hasTokens">Whether the turn has its tokens; else the engine remembers them.</param>
    /// <param name="isKnown">Whether the engine is the one that answered.</param>
    private async Task<(ChatAnswer Answer, int Cached)> AnswerAfterCall(
        bool thinks,
        bool hasTokens,
        bool isKnown
    )
    {
        var chat = new ChatEngine(Engine);
        ChatRequest request = Request($"{thinks} {hasTokens} {isKnown}", thinks) with
        {
            ToolChoice = ToolChoice.Required,
            ParallelToolCalls = false,
        };
        ChatAnswer answer = await CallAsFormatted(chat, request);
        Assert.True(Computed(answer) / Page > answer.Usage.PromptTokens / Page);
        ChatTurn turn = answer.Choices[0].Turn;
        if (!hasTokens)
            turn = ChatTurn.Assistant(turn.Content) with
            {
                Reasoning = turn.Reasoning,
                ToolCalls = turn.ToolCalls,
            };
        int cached = await Cached(
            isKnown ? chat : new ChatEngine(Engine),
            request,
            turn,
            ChatTurn.Tool(turn.ToolCalls[0].Id, "noon")
        );
        return (answer, cached);
    }

    private ChatRequest Request(string salt, bool thinks) =>
        new()
        {
            Conversation = Ask(Time) with { Thinking = thinks },
            Generation = Draw(Engine, 0, 400, "</think>") with { CacheSalt = salt },
        };

    /// <summary>A call as the format writes it: with a blank line before it, which a grammar leaves free.</summary>
    private async Task<ChatAnswer> CallAsFormatted(ChatEngine chat, ChatRequest request)
    {
        const string thoughtEnd = "</think>";
        string text = "";
        ChatAnswer? answer = null;
        for (ulong seed = 1; !text.StartsWith("\n\n", StringComparison.Ordinal); seed++)
        {
            answer = await Read(
                chat,
                request with
                {
                    Generation = request.Generation with
                    {
                        Sampling = request.Generation.Sampling with { Seed = seed },
                    },
                }
            );
            int[] tokens = [.. answer.Choices[0].Tokens];
            text = Engine.Tokenizer.Decode(tokens);
            // No text spells broken characters and special tokens.
            if (
                text.Contains('\uFFFD', StringComparison.Ordinal)
                || tokens.SkipLast(1).Any(Engine.Tokenizer.IsSpecial)
            )
                text = "";
            int end = text.IndexOf(thoughtEnd, StringComparison.Ordinal);
            if (end >= 0)
                text = text[(end + thoughtEnd.Length)..];
        }
        return answer!;
    }

    private static async Task<int> Cached(
        ChatEngine chat,
        ChatRequest request,
        params ChatTurn[] more
    )
    {
        ChatAnswer answer = await Read(
            chat,
            request with
            {
                Conversation = request.Conversation with
                {
                    Turns = [.. request.Conversation.Turns, .. more],
                },
            }
        );
        return answer.Usage.CachedTokens;
    }

    private static async Task<ChatAnswer> Read(ChatEngine chat, ChatRequest request)
    {
        ChatAnswer answer = await chat.SubmitAsync(request, Cancellation);
        await answer.ReadToEndAsync(Cancellation);
        return answer;
    }
}
