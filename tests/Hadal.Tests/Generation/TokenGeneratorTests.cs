using System.Runtime.InteropServices;
using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Generation;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Generation;

public sealed class TokenGeneratorTests : IDisposable
{
    private const string Prompt = "And the king said unto";

    private readonly DeepSeekModel _model = TestModels.Load("kjv-shakespeare");
    private readonly DeepSeekTokenizer _tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);
    private readonly TokenGenerator _generator;

    public TokenGeneratorTests() => _generator = new TokenGenerator(_model, _tokenizer, 1024);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _generator.Dispose();
        _model.Dispose();
    }

    private static int Next(TextGeneration text)
    {
        Assert.True(text.MoveNext(Cancellation));
        return text.Token;
    }

    [Fact]
    public void Greedy_text_is_the_references_continuation()
    {
        using DeepSeekModel model = TestModels.Load(
            "kjv-shakespeare",
            new ModelOptions { Activations = ActivationMode.Float32 }
        );
        using var generator = new TokenGenerator(model, _tokenizer, 128);
        using var golden = new Golden("kjv-shakespeare", 20);
        using TextGeneration text = generator.Start(golden.Ids, Limit(golden.Tokens.Length));
        var tokens = new List<int>();
        while (text.MoveNext(Cancellation))
            tokens.Add(text.Token);
        Assert.Equal(golden.Tokens.Length, tokens.Count);
        Assert.Equal(FinishReason.Length, text.FinishReason);
        int same = golden.Tokens.CommonPrefixLength(CollectionsMarshal.AsSpan(tokens));
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
        int[] prompt = _tokenizer.Encode(Prompt);
        using TextGeneration plain = _generator.Start(prompt, Limit(3));
        int[] tokens = [Next(plain), Next(plain), Next(plain)];
        Assert.Distinct(tokens);
        using var folder = new LinkedModel();
        folder.Write("generation_config.json", $$"""{"eos_token_id":[2047,{{tokens[1]}}]}""");
        using var generator = new TokenGenerator(_model, DeepSeekTokenizer.Load(folder.Path), 128);
        using TextGeneration ended = generator.Start(prompt, Limit(3));
        Assert.Equal((tokens[0], tokens[1]), (Next(ended), Next(ended)));
        Assert.Equal(FinishReason.Stop, ended.FinishReason);

        folder.Write("generation_config.json", """{"eos_token_id":"x"}""");
        var error = Assert.Throws<CheckpointException>(() =>
            new TokenGenerator(_model, DeepSeekTokenizer.Load(folder.Path), 128)
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
            new TokenGenerator(_model, DeepSeekTokenizer.Load(Paths.DeepSeekTokenizer), 128)
        );

    [Fact]
    public void Text_after_another_computes_no_more_than_its_prompt_adds()
    {
        int[] prompt = _tokenizer.Encode(Prompt);
        TextGeneration first = _generator.Start(prompt, Limit(100));
        int[] turn = [.. Enumerable.Range(0, 90).Select(_ => Next(first))];
        int[] longer = [.. prompt, .. turn, 5, 6, 7];
        using TextGeneration fresh = _generator.Start(longer, Limit(20));
        using TextGeneration second = _generator.Start(longer, Limit(20), first);
        Assert.Equal(prompt.Length + 89, second.Usage.CachedTokens);
        for (int i = 0; i < 20; i++)
            Assert.Equal(Next(fresh), Next(second));
        Assert.Equal(0, fresh.Usage.CachedTokens);
        Assert.Throws<ObjectDisposedException>(() => first.MoveNext(Cancellation));
        Assert.Throws<ObjectDisposedException>(() => _generator.Start(longer, null, first));
        first.Dispose();

        // Of another prompt it keeps the beginning; of its own all but the last, whose logits are wanted.
        int[] other = [.. longer[..70], 1, 2, 3];
        using TextGeneration third = _generator.Start(other, Limit(1), second);
        Assert.Equal(70, third.Usage.CachedTokens);
        third.MoveNext(Cancellation);
        using TextGeneration fourth = _generator.Start(other, Limit(1), third);
        Assert.Equal(other.Length - 1, fourth.Usage.CachedTokens);
        fourth.Dispose();
        fresh.Dispose();
        Assert.Equal(_generator.Cache.PageCount, _generator.Cache.FreePages);
    }

    [Fact]
    public void Text_of_another_generator_is_not_taken_over()
    {
        using var other = new TokenGenerator(_model, _tokenizer, 64);
        using TextGeneration text = other.Start([0], Limit(2));
        var error = Assert.Throws<ArgumentException>(() => _generator.Start([0], null, text));
        Assert.Equal("after", error.ParamName);
        Assert.True(text.MoveNext(Cancellation));
    }

    [Fact]
    public void Text_is_the_decoded_tokens()
    {
        using TextGeneration text = _generator.Start(_tokenizer.Encode(Prompt), Limit(40));
        var tokens = new List<int>();
        string all = "";
        while (text.MoveNext(Cancellation))
        {
            tokens.Add(text.Token);
            all += text.Text.ToString();
        }
        Assert.Equal(_tokenizer.Decode(tokens.ToArray(), skipSpecialTokens: true), all);
        Assert.Equal(40, text.Usage.GeneratedTokens);
        Assert.Equal(_tokenizer.Encode(Prompt).Length, text.Usage.PromptTokens);
        Assert.True(text.Usage.PrefillTime > TimeSpan.Zero);
        Assert.True(text.Usage.DecodeTime > TimeSpan.Zero);
    }

    [Fact]
    public async Task Async_text_is_the_same_as_step_by_step()
    {
        string steps = Run(Limit(30));
        string stream = "";
        FinishReason? reason = null;
        await foreach (
            GeneratedToken token in _generator.GenerateAsync(Prompt, Limit(30), Cancellation)
        )
        {
            stream += token.Text;
            reason = token.FinishReason;
        }
        Assert.Equal(steps, stream);
        Assert.Equal(FinishReason.Length, reason);
    }

    [Fact]
    public void Prompt_in_chunks_gives_the_same_text() =>
        Assert.Equal(Run(Limit(20)), Run(Limit(20) with { PrefillChunk = 2 }));

    [Fact]
    public void Stop_string_ends_the_text_before_it()
    {
        string text = Run(Limit(30));
        string stop = text.Substring(20, 5);
        var options = new GenerationOptions { Stop = new StopConditions { Strings = [stop] } };
        Assert.Equal(text[..text.IndexOf(stop, StringComparison.Ordinal)], Run(options));
    }

    [Fact]
    public void Stop_token_ends_the_text()
    {
        using TextGeneration all = _generator.Start(_tokenizer.Encode(Prompt), Limit(8));
        var tokens = new List<int>();
        while (all.MoveNext(Cancellation))
            tokens.Add(all.Token);
        var options = new GenerationOptions
        {
            Stop = new StopConditions { Tokens = [tokens[4]], MaxTokens = 8 },
        };
        using TextGeneration stopped = _generator.Start(_tokenizer.Encode(Prompt), options);
        while (stopped.MoveNext(Cancellation)) { }
        Assert.Equal(tokens.IndexOf(tokens[4]) + 1, stopped.Usage.GeneratedTokens);
        Assert.Equal(FinishReason.Stop, stopped.FinishReason);
    }

    [Fact]
    public void Cancelled_text_goes_on_where_it_was()
    {
        string expected = Run(Limit(10));
        using TextGeneration text = _generator.Start(_tokenizer.Encode(Prompt), Limit(10));
        string all = "";
        for (int i = 0; i < 10; i++)
        {
            Assert.Throws<OperationCanceledException>(() =>
                text.MoveNext(new CancellationToken(true))
            );
            Assert.True(text.MoveNext(Cancellation));
            all += text.Text.ToString();
        }
        Assert.Equal(expected, all);
        Assert.False(text.MoveNext(Cancellation));
    }

    [Fact]
    public void Text_goes_on_after_a_step_that_failed()
    {
        string expected = Run(Limit(10));
        using TextGeneration text = _generator.Start(_tokenizer.Encode(Prompt), Limit(10));
        Assert.True(text.MoveNext(Cancellation));
        string all = text.Text.ToString();
        Action mend = CachePages.Break(text.Sequence);
        Assert.ThrowsAny<HadalException>(() => text.MoveNext(Cancellation));
        mend();
        ref Sampler sampler = ref Samplers.Of(text);
        Sampler own = sampler;
        sampler = Samplers.Bad;
        Assert.Throws<ArgumentException>(() => text.MoveNext(Cancellation));
        sampler = own;
        while (text.MoveNext(Cancellation))
            all += text.Text.ToString();
        Assert.Equal(expected, all);
        Assert.Equal(10, text.Usage.GeneratedTokens);
    }

    [Fact]
    public void Full_cache_is_named_and_loses_nothing()
    {
        string expected = Run(Limit(30));
        using var small = new TokenGenerator(_model, _tokenizer, 128);
        using TextGeneration other = small.Start(new int[64], Limit(2));
        Assert.True(other.MoveNext(Cancellation));
        int[] prompt = _tokenizer.Encode(Prompt);
        using TextGeneration text = small.Start(prompt, Limit(30));
        Assert.True(text.MoveNext(Cancellation));
        string all = text.Text.ToString();
        CacheFullException full = Assert.Throws<CacheFullException>(() =>
            other.MoveNext(Cancellation)
        );
        Assert.Equal((1, 0, 2), (full.NeededPages, full.AvailablePages, full.PageCount));
        Assert.Contains("2 pages 0 are available", full.Message, StringComparison.Ordinal);
        while (text.MoveNext(Cancellation))
            all += text.Text.ToString();
        Assert.Equal(expected, all);
        text.Dispose();
        Assert.True(other.MoveNext(Cancellation));
    }

    [Fact]
    public void Context_bounds_the_text()
    {
        using DeepSeekModel model = TestModels.Load(
            "kjv-shakespeare",
            new ModelOptions { MaxContextTokens = 70 }
        );
        using var generator = new TokenGenerator(model, _tokenizer, 128);
        var options = new GenerationOptions { StopAtEos = false };
        using TextGeneration text = generator.Start(new int[68], options);
        while (text.MoveNext(Cancellation)) { }
        Assert.Equal(3, text.Usage.GeneratedTokens);
        Assert.Equal(FinishReason.Length, text.FinishReason);
        ContextLengthException error = Assert.Throws<ContextLengthException>(() =>
            generator.Start(new int[71])
        );
        Assert.Equal((71, 70), (error.Tokens, error.MaxTokens));
    }

    [Fact]
    public void Decoded_tokens_allocate_nothing()
    {
        var options = new GenerationOptions
        {
            StopAtEos = false,
            Sampling = new SamplingOptions
            {
                Temperature = 0.8f,
                TopP = 0.9f,
                RepetitionPenalty = 1.1f,
                Seed = 1,
            },
            Stop = new StopConditions { Strings = ["never to be seen"] },
        };
        using TextGeneration text = _generator.Start(_tokenizer.Encode(Prompt), options);
        for (int i = 0; i < 20; i++)
            text.MoveNext(Cancellation);
        // Longer than a page of the caches.
        Action round = () =>
        {
            for (int i = 0; i < 75; i++)
                text.MoveNext(Cancellation);
        };
        Assert.Equal(0, Allocations.Of(round));
    }

    [Fact]
    public void Text_takes_memory_for_the_tokens_it_has()
    {
        using var generator = new TokenGenerator(_model, _tokenizer, 4096);
        var options = new GenerationOptions
        {
            Stop = new StopConditions { MaxTokens = int.MaxValue },
        };
        Action round = () => generator.Start([0], options).Dispose();
        Assert.InRange(Allocations.Of(round), 0, 4096 * sizeof(int) / 2);
    }

    [Fact]
    public void Text_may_be_longer_than_it_was_begun_for()
    {
        string text = Run(Limit(30));
        var options = new GenerationOptions
        {
            StopAtEos = false,
            Stop = new StopConditions { MaxTokens = 300 },
        };
        using TextGeneration longer = _generator.Start(_tokenizer.Encode(Prompt), options);
        string all = "";
        while (longer.MoveNext(Cancellation))
            all += longer.Text.ToString();
        Assert.Equal(300, longer.Usage.GeneratedTokens);
        Assert.StartsWith(text, all, StringComparison.Ordinal);
    }

    [Fact]
    public void Bad_sizes_of_a_cache_are_named()
    {
        foreach (int tokens in (int[])[0, -1, int.MinValue, int.MaxValue])
        {
            var error = Assert.Throws<ArgumentOutOfRangeException>(() =>
                new TokenGenerator(_model, _tokenizer, tokens)
            );
            Assert.Equal("cacheTokens", error.ParamName);
        }
    }

    [Fact]
    public void Bad_prompts_are_refused()
    {
        Assert.Throws<ArgumentException>(() => _generator.Start([]));
        Assert.Throws<ArgumentOutOfRangeException>(() => _generator.Start([2048]));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            _generator.Start([0], new GenerationOptions { PrefillChunk = 513 })
        );
        var error = Assert.Throws<ArgumentOutOfRangeException>(() =>
            _generator.Start([0], new GenerationOptions { PrefillChunk = int.MaxValue })
        );
        Assert.Contains("PrefillChunk", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<ArgumentOutOfRangeException>(() =>
            new GenerationOptions { PrefillChunk = int.MinValue }
        );
        Assert.Equal("PrefillChunk", error.ParamName);
    }

    private static GenerationOptions Limit(int tokens) =>
        new() { Stop = new StopConditions { MaxTokens = tokens } };

    private string Run(GenerationOptions options)
    {
        using TextGeneration text = _generator.Start(_tokenizer.Encode(Prompt), options);
        string all = "";
        while (text.MoveNext(Cancellation))
            all += text.Text.ToString();
        return all;
    }
}
