using Hadal.Chat;
using Hadal.Extensions.AI;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Inference;
using Hadal.Tests.Model;
using Hadal.Tokenization;
using Microsoft.Extensions.AI;

namespace Hadal.Tests.Extensions;

public sealed class DeepSeekChatClientTests : IDisposable
{
    private const int Limit = 24;

    private static readonly ChatMessage[] Messages =
    [
        new(ChatRole.User, "Who art thou?"),
        new(ChatRole.Assistant, "I am the king."),
        new(ChatRole.User, "And what sayest thou?"),
    ];

    private readonly DeepSeekModel _model = TestModels.Load("kjv-shakespeare");
    private readonly DeepSeekTokenizer _tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);
    private readonly InferenceEngine _engine;
    private readonly IChatClient _client;

    public DeepSeekChatClientTests()
    {
        _engine = new InferenceEngine(_model, _tokenizer, new EngineOptions { CacheTokens = 512 });
        _client = _engine.AsIChatClient();
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _client.Dispose();
        _engine.Dispose();
        _model.Dispose();
    }

    [Fact]
    public async Task A_pipeline_answers_as_the_engine_does()
    {
        var seen = new List<ChatOptions?>();
        using IChatClient pipeline = new ChatClientBuilder(_client)
            .ConfigureOptions(options => options.MaxOutputTokens = Limit)
            .Use(
                (messages, options, next, cancellation) =>
                {
                    seen.Add(options);
                    return next(messages, options, cancellation);
                }
            )
            .UseFunctionInvocation()
            .Build();
        ChatResponse response = await pipeline.GetResponseAsync(
            Messages,
            cancellationToken: Cancellation
        );

        int[] prompt = Prompt();
        Assert.Equal(Expected(prompt, new StopConditions { MaxTokens = Limit }), response.Text);
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.Equal(prompt.Length, response.Usage?.InputTokenCount);
        Assert.Equal(Limit, response.Usage?.OutputTokenCount);
        Assert.Equal(prompt.Length + Limit, response.Usage?.TotalTokenCount);
        Assert.Equal("deepseek_v32", response.ModelId);
        Assert.Equal(ChatRole.Assistant, Assert.Single(response.Messages).Role);
        Assert.Equal(Limit, Assert.Single(seen)?.MaxOutputTokens);
    }

    [Fact]
    public async Task A_stream_is_the_answer_in_pieces()
    {
        var options = new ChatOptions { MaxOutputTokens = Limit };
        List<ChatResponseUpdate> updates = await Stream(_client, options).ToListAsync(Cancellation);
        Assert.True(updates.Count > Limit / 2);
        Assert.Equal(
            (await _client.GetResponseAsync(Messages, options, Cancellation)).Text,
            string.Concat(updates.Select(update => update.Text))
        );
        Assert.Single(updates.Select(update => update.ResponseId).Distinct());
        Assert.All(updates[..^1], update => Assert.Null(update.FinishReason));
        Assert.Single(updates[^1].Contents.OfType<UsageContent>());
    }

    [Fact]
    public async Task A_cancelled_request_ends_at_once_and_the_next_goes_on()
    {
        using var source = new CancellationTokenSource();
        var pieces = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (
                ChatResponseUpdate _ in _client.GetStreamingResponseAsync(
                    Messages,
                    cancellationToken: source.Token
                )
            )
            {
                if (++pieces == 3)
                    await source.CancelAsync();
            }
        });
        Assert.Equal(3, pieces);
        await AnswersAgain();
    }

    [Fact]
    public async Task A_stream_left_early_gives_its_pages_back()
    {
        await foreach (ChatResponseUpdate _ in Stream(_client, new ChatOptions()))
            break;
        Waiting.Until(() => _engine.Cache.Statistics.ReferencedPages == 0);
        await AnswersAgain();
    }

    /// <summary>The tokens of the answer before are taken as they were drawn, so that they are in the cache.</summary>
    [Fact]
    public async Task A_turn_after_a_turn_computes_what_it_adds_and_no_more_than_a_page_again()
    {
        var options = new ChatOptions
        {
            MaxOutputTokens = 180,
            Temperature = 3,
            TopK = 40,
            Seed = 3,
        };
        ChatResponse first = await _client.GetResponseAsync(Messages, options, Cancellation);
        int computed = Prompt().Length + (int)first.Usage!.OutputTokenCount!.Value - 1;
        List<ChatMessage> turns = [.. Messages, .. first.Messages, new(ChatRole.User, "And then?")];
        ChatResponse second = await _client.GetResponseAsync(turns, options, Cancellation);
        Assert.Equal(computed / 64 * 64, second.Usage?.CachedInputTokenCount);
        Assert.True(computed / 64 > Prompt().Length / 64);
        // Another client knows the text alone, whose tokens are others.
        using IChatClient another = _engine.AsIChatClient();
        ChatResponse encoded = await another.GetResponseAsync(turns, options, Cancellation);
        Assert.True(encoded.Usage?.CachedInputTokenCount < second.Usage?.CachedInputTokenCount);
    }

    [Fact]
    public async Task Sampling_and_stops_are_the_engines()
    {
        var options = new ChatOptions
        {
            Temperature = 0.8f,
            TopK = 40,
            TopP = 0.9f,
            FrequencyPenalty = 0.5f,
            PresencePenalty = -0.5f,
            Seed = 7,
            MaxOutputTokens = Limit,
            StopSequences = ["the"],
            Instructions = "Speak plainly.",
            AdditionalProperties = new() { ["min_p"] = 0.01, ["repetition_penalty"] = 1.1f },
        };
        GenerationOptions mapped = OptionMapping.Map(
            options,
            new GenerationOptions(),
            new(),
            _client
        );
        Assert.Equal(
            new SamplingOptions
            {
                Temperature = 0.8f,
                TopK = 40,
                TopP = 0.9f,
                FrequencyPenalty = 0.5f,
                PresencePenalty = -0.5f,
                Seed = 7,
                MinP = 0.01f,
                RepetitionPenalty = 1.1f,
            },
            mapped.Sampling
        );
        Assert.Equal(Limit, mapped.Stop.MaxTokens);
        Assert.Equal(["the"], mapped.Stop.Strings);
        ChatResponse response = await _client.GetResponseAsync(Messages, options, Cancellation);
        Assert.Equal(Prompt("Speak plainly.").Length, response.Usage?.InputTokenCount);
    }

    [Fact]
    public void Defaults_and_raw_options_are_what_others_are_laid_over()
    {
        var defaults = new GenerationOptions
        {
            Sampling = new() { Temperature = 0.5f, TopK = 3 },
            Stop = new() { Strings = ["a"], MaxTokens = 9 },
        };
        GenerationOptions mapped = OptionMapping.Map(
            new ChatOptions { TopK = 5, StopSequences = ["b"] },
            defaults,
            new(),
            _client
        );
        Assert.Equal(0.5f, mapped.Sampling.Temperature);
        Assert.Equal(5, mapped.Sampling.TopK);
        Assert.Equal(9, mapped.Stop.MaxTokens);
        Assert.Equal(["a", "b"], mapped.Stop.Strings);
        var raw = new ChatOptions
        {
            RawRepresentationFactory = _ => new GenerationOptions { PrefillChunk = 2 },
        };
        Assert.Equal(2, OptionMapping.Map(raw, defaults, new(), _client).PrefillChunk);
    }

    public static TheoryData<string> Refused { get; } = [.. Refusals.Keys];

    private static Dictionary<string, ChatOptions> Refusals =>
        new()
        {
            ["ModelId"] = new() { ModelId = "another" },
            ["ConversationId"] = new() { ConversationId = "1" },
            ["Tools"] = new() { Tools = [new HostedWebSearchTool()] },
            ["AllowBackgroundResponses"] = new() { AllowBackgroundResponses = true },
            ["ContinuationToken"] = new()
            {
                ContinuationToken = ResponseContinuationToken.FromBytes(new byte[] { 1 }),
            },
            ["Reasoning.Output"] = new() { Reasoning = new() { Output = ReasoningOutput.None } },
            ["RawRepresentationFactory"] = new() { RawRepresentationFactory = _ => "text" },
            ["AdditionalProperties[\"mirostat\"]"] = new()
            {
                AdditionalProperties = new() { ["mirostat"] = 1 },
            },
            ["AdditionalProperties[\"min_p\"]"] = new()
            {
                AdditionalProperties = new() { ["min_p"] = "much" },
            },
        };

    [Fact]
    public void Defaults_of_many_texts_are_refused()
    {
        var error = Assert.Throws<ArgumentException>(() =>
            _engine.AsIChatClient(defaults: new GenerationOptions { Choices = 2 })
        );
        Assert.StartsWith("Choices is 2", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_cannot_be_had_is_refused_by_name(string option)
    {
        var error = Assert.Throws<NotSupportedException>(() =>
            _client.GetStreamingResponseAsync(Messages, Refusals[option], Cancellation)
        );
        Assert.StartsWith($"ChatOptions.{option} is ", error.Message, StringComparison.Ordinal);
    }

    /// <summary>An option that a later version of the abstractions brings must be mapped or refused too.</summary>
    [Fact]
    public void Every_option_is_mapped_or_refused()
    {
        string[] mapped =
        [
            nameof(ChatOptions.Instructions),
            nameof(ChatOptions.Temperature),
            nameof(ChatOptions.MaxOutputTokens),
            nameof(ChatOptions.TopP),
            nameof(ChatOptions.FrequencyPenalty),
            nameof(ChatOptions.PresencePenalty),
            nameof(ChatOptions.TopK),
            nameof(ChatOptions.Seed),
            nameof(ChatOptions.StopSequences),
            nameof(ChatOptions.ResponseFormat),
            nameof(ChatOptions.ToolMode),
            nameof(ChatOptions.AllowMultipleToolCalls),
        ];
        Assert.Equal(
            typeof(ChatOptions).GetProperties().Select(property => property.Name).Order(),
            mapped.Concat(Refusals.Keys.Select(name => name.Split('.', '[')[0])).Distinct().Order()
        );
    }

    [Fact]
    public void Content_that_is_no_text_is_refused()
    {
        var picture = new ChatMessage(
            ChatRole.User,
            [new DataContent(new byte[] { 1 }, "image/png")]
        );
        var error = Assert.Throws<NotSupportedException>(() =>
            _client.GetStreamingResponseAsync([picture], cancellationToken: Cancellation)
        );
        Assert.Contains(nameof(DataContent), error.Message, StringComparison.Ordinal);
        var tool = new ChatMessage(ChatRole.Tool, [new FunctionResultContent("1", "2")]);
        Assert.Equal(
            "messages[0]",
            Assert
                .Throws<ConversationException>(() =>
                    _client.GetStreamingResponseAsync([tool], cancellationToken: Cancellation)
                )
                .Path
        );
    }

    [Fact]
    public void Services_are_found_by_type()
    {
        Assert.Same(_engine, _client.GetService<InferenceEngine>());
        Assert.Equal("hadal", _client.GetService<ChatClientMetadata>()?.ProviderName);
        Assert.Same(_client, _client.GetService<IChatClient>());
        Assert.Null(_client.GetService<string>());
    }

    private static IAsyncEnumerable<ChatResponseUpdate> Stream(
        IChatClient client,
        ChatOptions options
    ) => client.GetStreamingResponseAsync(Messages, options, Cancellation);

    private async Task AnswersAgain() =>
        Assert.NotEqual(
            "",
            (
                await _client.GetResponseAsync(
                    Messages,
                    new ChatOptions { MaxOutputTokens = 4 },
                    Cancellation
                )
            ).Text
        );

    private int[] Prompt(string? instructions = null) =>
        ChatTemplate
            .For(_tokenizer)
            .Encode(
                _tokenizer,
                new ChatConversation
                {
                    Turns =
                    [
                        .. instructions is null
                            ? Array.Empty<ChatTurn>()
                            : [ChatTurn.System(instructions)],
                        .. Messages.Select(message => new ChatTurn(
                            message.Role.Value,
                            message.Text
                        )),
                    ],
                }
            )
            .Ids.ToArray();

    private string Expected(int[] prompt, StopConditions stop)
    {
        return _engine.Text(prompt, new() { Stop = stop });
    }
}
