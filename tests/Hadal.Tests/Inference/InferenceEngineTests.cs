using Hadal.Checkpoints;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Inference;

public sealed class InferenceEngineTests : IDisposable
{
    private const string Prompt = "And the king said unto";

    private readonly DeepSeekModel _model = TestModels.Load("kjv-shakespeare");
    private readonly DeepSeekTokenizer _tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);
    private readonly InferenceEngine _engine;
    private readonly int[] _prompt;

    public InferenceEngineTests()
    {
        _engine = new InferenceEngine(_model, _tokenizer, new EngineOptions { CacheTokens = 1024 });
        _prompt = _tokenizer.Encode(Prompt);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _engine.Dispose();
        _model.Dispose();
    }

    [Fact]
    public void Greedy_text_is_the_references_continuation()
    {
        using DeepSeekModel model = TestModels.Load(
            "kjv-shakespeare",
            new ModelOptions { Activations = ActivationMode.Float32 }
        );
        using var engine = new InferenceEngine(model, _tokenizer);
        using var golden = new Golden("kjv-shakespeare", 20);
        List<GeneratedToken> text = engine.Submit(golden.Ids, Limit(golden.Tokens.Length)).Tokens();
        int[] tokens = text.Ids();
        Assert.Equal(golden.Tokens.Length, tokens.Length);
        Assert.Equal(FinishReason.Length, text[^1].FinishReason);
        int same = golden.Tokens.CommonPrefixLength(tokens);
        Assert.InRange(same, golden.Tokens.Length / 2, golden.Tokens.Length);
        if (same == golden.Tokens.Length)
            return;
        // It may part from it where the reference itself hardly prefers its token: by less than two right programs differ
        // (GoldenTests).
        ReadOnlySpan<float> logits = golden.Logits("f32", same);
        double rms = Math.Sqrt(logits.ToArray().Average(x => (double)x * x));
        Assert.InRange(logits[golden.Tokens[same]] - logits[tokens[same]], 0, 0.03 * rms);
    }

    [Fact]
    public void Text_ends_at_what_the_generation_config_says_as_well()
    {
        GenerationOptions limit = Limit(3) with { StopAtEos = true };
        int[] tokens = _engine.Submit(_prompt, limit).Tokens().Ids();
        Assert.Distinct(tokens);
        using var folder = new LinkedModel();
        folder.Write("generation_config.json", $$"""{"eos_token_id":[2047,{{tokens[1]}}]}""");
        using var engine = new InferenceEngine(_model, DeepSeekTokenizer.Load(folder.Path));
        List<GeneratedToken> ended = engine.Submit(_prompt, limit).Tokens();
        Assert.Equal(tokens[..2], ended.Ids());
        Assert.Equal(FinishReason.Stop, ended[^1].FinishReason);

        folder.Write("generation_config.json", """{"eos_token_id":"x"}""");
        var error = Assert.Throws<CheckpointException>(() =>
            new InferenceEngine(_model, DeepSeekTokenizer.Load(folder.Path))
        );
        Assert.Contains(
            "generation_config.json.eos_token_id",
            error.Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_tokenizer_of_a_larger_model_is_refused() =>
        Assert.Throws<TokenizerException>(() =>
            new InferenceEngine(_model, DeepSeekTokenizer.Load(Paths.DeepSeekTokenizer))
        );

    [Fact]
    public void Text_is_the_decoded_tokens()
    {
        InferenceRequest request = _engine.Submit(_prompt, Limit(40));
        List<GeneratedToken> tokens = request.Tokens();
        Assert.Equal(_tokenizer.Decode(tokens.Ids(), skipSpecialTokens: true), tokens.Text());
        GenerationUsage usage = request.Usage;
        Assert.Equal(
            (_prompt.Length, 0, 40),
            (usage.PromptTokens, usage.CachedTokens, usage.GeneratedTokens)
        );
        Assert.True(usage.PrefillTime > TimeSpan.Zero);
        Assert.True(usage.DecodeTime > TimeSpan.Zero);
        Assert.All(tokens[..^1], token => Assert.Null(token.FinishReason));
        Assert.Equal([FinishReason.Length], request.FinishReasons);
    }

    [Fact]
    public async Task Async_text_is_the_same()
    {
        string expected = _engine.Text(_prompt, Limit(30));
        string stream = "";
        FinishReason? reason = null;
        await foreach (
            GeneratedToken token in _engine.GenerateAsync(Prompt, Limit(30), Cancellation)
        )
        {
            stream += token.Text;
            reason = token.FinishReason;
        }
        Assert.Equal(expected, stream);
        Assert.Equal(FinishReason.Length, reason);
        string ids = "";
        await foreach (
            GeneratedToken token in _engine.GenerateAsync(_prompt, Limit(30), Cancellation)
        )
            ids += token.Text;
        Assert.Equal(expected, ids);
    }

    [Fact]
    public void Prompt_in_chunks_gives_the_same_text() =>
        Assert.Equal(
            _engine.Text(_prompt, Limit(20)),
            _engine.Text(_prompt, Limit(20) with { PrefillChunk = 2 })
        );

    [Fact]
    public void Stop_string_ends_the_text_before_it()
    {
        string text = _engine.Text(_prompt, Limit(30));
        string stop = text.Substring(20, 5);
        var options = new GenerationOptions { Stop = new StopConditions { Strings = [stop] } };
        InferenceRequest request = _engine.Submit(_prompt, options);
        Assert.Equal(text[..text.IndexOf(stop, StringComparison.Ordinal)], request.Tokens().Text());
        Assert.Equal([FinishReason.Stop], request.FinishReasons);
    }

    [Fact]
    public void Stop_token_ends_the_text()
    {
        int[] tokens = _engine.Submit(_prompt, Limit(8)).Tokens().Ids();
        var options = new GenerationOptions
        {
            Stop = new StopConditions { Tokens = [tokens[4]], MaxTokens = 8 },
        };
        List<GeneratedToken> stopped = _engine.Submit(_prompt, options).Tokens();
        Assert.Equal(tokens[..(tokens.IndexOf(tokens[4]) + 1)], stopped.Ids());
        Assert.Equal(FinishReason.Stop, stopped[^1].FinishReason);
    }

    [Fact]
    public void Text_that_must_be_longer_draws_no_stop_token_before()
    {
        int[] tokens = _engine.Submit(_prompt, Limit(8)).Tokens().Ids();
        var options = new GenerationOptions
        {
            StopAtEos = false,
            Stop = new StopConditions
            {
                Tokens = tokens[..3],
                MinTokens = 5,
                MaxTokens = 8,
            },
        };
        int[] longer = _engine.Submit(_prompt, options).Tokens().Ids();
        Assert.InRange(longer.Length, 6, 8);
        Assert.Empty(longer[..5].Intersect(tokens[..3]));
    }

    [Fact]
    public void Context_bounds_the_text()
    {
        using DeepSeekModel model = TestModels.Load(
            "kjv-shakespeare",
            new ModelOptions { MaxContextTokens = 70 }
        );
        using var engine = new InferenceEngine(model, _tokenizer);
        Assert.Equal(70, engine.MaxTokens);
        List<GeneratedToken> text = engine
            .Submit(new int[68], new GenerationOptions { StopAtEos = false })
            .Tokens();
        Assert.Equal(3, text.Count);
        Assert.Equal(FinishReason.Length, text[^1].FinishReason);
        ContextLengthException error = Assert.Throws<ContextLengthException>(() =>
            engine.Submit(new int[71])
        );
        Assert.Equal((71, 70), (error.Tokens, error.MaxTokens));
    }

    [Fact]
    public void Cache_bounds_the_text()
    {
        using var engine = new InferenceEngine(
            _model,
            _tokenizer,
            new EngineOptions { CacheTokens = 64 }
        );
        List<GeneratedToken> text = engine
            .Submit(new int[62], new GenerationOptions { StopAtEos = false })
            .Tokens();
        Assert.Equal(3, text.Count);
        CacheTooSmallException error = Assert.Throws<CacheTooSmallException>(() =>
            engine.Submit(new int[65])
        );
        Assert.Equal((65, 64), (error.Tokens, error.CacheTokens));
        Assert.Contains("65", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_may_be_longer_than_it_was_begun_for()
    {
        string text = _engine.Text(_prompt, Limit(30));
        InferenceRequest longer = _engine.Submit(_prompt, Limit(300));
        Assert.StartsWith(text, longer.Tokens().Text(), StringComparison.Ordinal);
        Assert.Equal(300, longer.Usage.GeneratedTokens);
    }

    [Fact]
    public void Request_takes_memory_for_the_tokens_it_has()
    {
        var options = new GenerationOptions
        {
            Stop = new StopConditions { MaxTokens = int.MaxValue },
        };
        using InferenceEngine engine = Engines.Stepped(_model, _tokenizer, 4096);
        Action round = () => engine.Submit([0], options).Cancel();
        Assert.InRange(Allocations.Of(round), 0, 4096 * sizeof(int) / 2);
    }

    [Fact]
    public void Bad_sizes_of_a_cache_are_named()
    {
        foreach (int tokens in (int[])[0, -1, int.MinValue])
        {
            var error = Assert.Throws<ArgumentOutOfRangeException>(() =>
                new EngineOptions { CacheTokens = tokens }
            );
            Assert.Equal("CacheTokens", error.ParamName);
        }
        var large = Assert.Throws<ArgumentOutOfRangeException>(() =>
            new InferenceEngine(
                _model,
                _tokenizer,
                new EngineOptions { CacheTokens = int.MaxValue }
            )
        );
        Assert.Contains("cache", large.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            new EngineOptions { MaxQueuedRequests = 0 }
        );
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            new EngineOptions { PriorityAgeing = TimeSpan.Zero }
        );
    }

    [Fact]
    public void Bad_prompts_are_refused()
    {
        Assert.Throws<ArgumentException>(() => _engine.Submit([]));
        Assert.Throws<ArgumentOutOfRangeException>(() => _engine.Submit([2048]));
        Assert.Throws<ArgumentOutOfRangeException>(() => _engine.Submit([0, -1]));
        Assert.Throws<ArgumentNullException>(() => _engine.GenerateAsync((string)null!));
    }

    public static TheoryData<string> ContradictoryNames => [.. Contradictory.Keys];

    private static Dictionary<string, GenerationOptions> Contradictory =>
        new()
        {
            ["PrefillChunk"] = new() { PrefillChunk = 513 },
            ["MinTokens"] = new()
            {
                Stop = new() { MinTokens = 3, MaxTokens = 2 },
            },
            ["LogitBias"] = new()
            {
                Sampling = new() { LogitBias = new Dictionary<int, float> { [2048] = 1 } },
            },
        };

    [Theory]
    [MemberData(nameof(ContradictoryNames))]
    public void Contradictory_options_are_refused(string name)
    {
        var error = Assert.ThrowsAny<ArgumentException>(() =>
            _engine.Submit([0], Contradictory[name])
        );
        Assert.Equal("options", error.ParamName);
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string> UnknownNames => [.. Unknown.Keys];

    private static Dictionary<string, Action> Unknown =>
        new()
        {
            ["PrefillChunk"] = () => _ = new GenerationOptions { PrefillChunk = 0 },
            ["Choices"] = () => _ = new GenerationOptions { Choices = 0 },
            ["LogProbs"] = () => _ = new GenerationOptions { LogProbs = 21 },
            ["PromptLogProbs"] = () => _ = new GenerationOptions { PromptLogProbs = -1 },
            ["Priority"] = () => _ = new GenerationOptions { Priority = 1001 },
            ["TimeLimit"] = () => _ = new GenerationOptions { TimeLimit = TimeSpan.Zero },
            ["MinTokens"] = () => _ = new StopConditions { MinTokens = -1 },
            ["FrequencyPenalty"] = () => _ = new SamplingOptions { FrequencyPenalty = 2.1f },
            ["PresencePenalty"] = () => _ = new SamplingOptions { PresencePenalty = float.NaN },
            ["LogitBias"] = () =>
                _ = new SamplingOptions { LogitBias = new Dictionary<int, float> { [1] = 101 } },
        };

    [Theory]
    [MemberData(nameof(UnknownNames))]
    public void Options_out_of_range_are_refused_by_name(string name)
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(Unknown[name]);
        Assert.Equal(name, error.ParamName);
    }

    [Fact]
    public void Options_that_are_null_are_refused()
    {
        Assert.Throws<ArgumentNullException>(() => new GenerationOptions { Sampling = null! });
        Assert.Throws<ArgumentNullException>(() => new GenerationOptions { Stop = null! });
    }

    [Fact]
    public void A_request_is_read_once()
    {
        InferenceRequest request = _engine.Submit(_prompt, Limit(2));
        Assert.Equal(2, request.Tokens().Count);
        Assert.Throws<InvalidOperationException>(() => request.Tokens());
        Assert.Throws<InvalidOperationException>(() => request.GetAsyncEnumerator(Cancellation));
    }

    private static GenerationOptions Limit(int tokens) => Engines.Limit(tokens);
}
