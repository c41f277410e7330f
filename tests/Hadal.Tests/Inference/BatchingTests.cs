using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Inference;

/// <summary>Several requests in the same steps, made one by one.</summary>
public sealed class BatchingTests : IDisposable
{
    private readonly DeepSeekModel _model = TestModels.Load(
        "kjv-shakespeare",
        new ModelOptions { MaxStepTokens = 16, MaxSequences = 3 }
    );
    private readonly DeepSeekTokenizer _tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Texts_together_are_the_texts_alone()
    {
        string[] prompts =
        [
            "And the king said",
            "Enter HAMLET, with a book that he is reading, and after him two gentlemen of the court",
            "O",
            "In the beginning",
            "Who's there?",
        ];
        using InferenceEngine engine = Engines.Stepped(_model, _tokenizer);
        string[] alone =
        [
            .. prompts.Select((p, i) => Alone(engine, _tokenizer.Encode(p), 5 + 3 * i)),
        ];
        InferenceRequest[] requests =
        [
            .. prompts.Select(
                (p, i) => engine.Submit(_tokenizer.Encode(p), Engines.Limit(5 + 3 * i))
            ),
        ];
        engine.Finish();
        Assert.Equal(alone, requests.Select(request => request.Tokens().Text()));
        Assert.All(requests, r => Assert.Equal([FinishReason.Length], r.FinishReasons));
        Assert.All(requests, r => Assert.True(r.Usage.DecodeTime > TimeSpan.Zero));
        engine.MustBeUnused();
    }

    [Fact]
    public void A_step_is_shared_by_those_that_write_and_by_prompts_alike()
    {
        using InferenceEngine engine = Engines.Stepped(_model, _tokenizer);
        InferenceRequest writing = engine.Submit([1, 2, 3], Engines.Limit(100));
        engine.Step();
        InferenceRequest huge = engine.Submit(new int[400], Engines.Limit(1));
        InferenceRequest small = engine.Submit([.. Enumerable.Range(1, 9)], Engines.Limit(1));
        engine.Step();
        // 15 tokens are left: 7 for the small one, the rest for the huge one.
        Assert.Equal(2, writing.Usage.GeneratedTokens);
        Assert.Equal(7, small.Choices[0].Sequence!.Length);
        Assert.Equal(8, huge.Choices[0].Sequence!.Length);
        engine.Step();
        Assert.Equal(3, writing.Usage.GeneratedTokens);
        Assert.Equal(1, small.Usage.GeneratedTokens);
        Assert.Equal(8 + 13, huge.Choices[0].Sequence!.Length);
        engine.Finish();
        Assert.Equal(1, huge.Usage.GeneratedTokens);
    }

    /// <summary>Generated tokens that are computed again have the bits that decoding gave them in all forms.</summary>
    [Theory]
    [InlineData(PrefillForm.Absorbed)]
    [InlineData(PrefillForm.Expanded)]
    public void Texts_that_the_cache_does_not_hold_at_once_all_end_as_alone(PrefillForm form)
    {
        using DeepSeekModel model = TestModels.Load(
            "kjv-shakespeare",
            _model.Options with
            {
                PrefillForm = form,
            }
        );
        using InferenceEngine ample = Engines.Stepped(model, _tokenizer);
        int[][] prompts = [Prompt(1), Prompt(2), Prompt(3)];
        string[] alone = [.. prompts.Select(prompt => Alone(ample, prompt, 50))];
        // Each takes two pages in the end, of three that there are.
        using InferenceEngine engine = Engines.Stepped(model, _tokenizer, 192);
        InferenceRequest[] requests =
        [
            .. prompts.Select(prompt => engine.Submit(prompt, Engines.Limit(50))),
        ];
        int steps = 0;
        for (; engine.Step(); steps++)
            Assert.InRange(steps, 0, 1000);
        Assert.Equal(alone, requests.Select(request => request.Tokens().Text()));
        engine.MustBeUnused();

        static int[] Prompt(int seed) => [.. Enumerable.Range(seed, 60).Select(i => i * 7 % 2000)];
    }

    /// <summary>A page with generated tokens serves a prompt where they have the bits that the prompt would give them.</summary>
    [Theory]
    [InlineData(PrefillForm.Absorbed, 128)]
    [InlineData(PrefillForm.Expanded, 64)]
    [InlineData(PrefillForm.ByPosition, 64)]
    public void A_next_turn_shares_an_answer_where_forms_agree(PrefillForm form, int cached)
    {
        using DeepSeekModel model = TestModels.Load(
            "kjv-shakespeare",
            _model.Options with
            {
                PrefillForm = form,
            }
        );
        using InferenceEngine engine = Engines.Stepped(model, _tokenizer);
        int[] prompt = [.. Enumerable.Range(1, 100).Select(i => i * 7 % 2000)];
        InferenceRequest first = engine.Submit(prompt, Engines.Limit(60));
        engine.Finish();
        int[] next = [.. prompt, .. first.Tokens().Ids(), 5, 6, 7];
        InferenceRequest second = engine.Submit(next, Engines.Limit(40));
        engine.Finish();
        Assert.Equal(cached, second.Usage.CachedTokens);
        using InferenceEngine fresh = Engines.Stepped(model, _tokenizer);
        InferenceRequest alone = fresh.Submit(next, Engines.Limit(40));
        fresh.Finish();
        Assert.Equal(0, alone.Usage.CachedTokens);
        Assert.Equal(alone.Tokens(), second.Tokens());
    }

    [Fact]
    public void A_hit_counts_once_however_often_its_request_is_looked_at()
    {
        using InferenceEngine engine = Engines.Stepped(_model, _tokenizer, 256);
        int[] prefix = [.. Enumerable.Range(300, 70)];
        engine.Submit(prefix, Engines.Limit(1));
        engine.Finish();
        engine.Submit([.. Enumerable.Range(0, 100)], Engines.Limit(60));
        engine.Step();
        InferenceRequest large = engine.Submit(
            [.. prefix, .. Enumerable.Range(500, 130)],
            Engines.Limit(1)
        );
        engine.Step();
        Assert.Equal(0, engine.Cache.Statistics.Hits);
        engine.Finish();
        Assert.Equal(64, large.Usage.CachedTokens);
        Assert.Equal((1, 64), (engine.Cache.Statistics.Hits, engine.Cache.Statistics.TokensSaved));
    }

    [Fact]
    public void Small_requests_pass_a_huge_one_that_finds_no_room_but_not_for_ever()
    {
        using InferenceEngine engine = Engines.Stepped(_model, _tokenizer, 256);
        InferenceRequest first = engine.Submit(Range(0, 100), Engines.Limit(60));
        engine.Step();
        InferenceRequest huge = engine.Submit(Range(200, 250), Engines.Limit(1));
        List<InferenceRequest> small =
        [
            .. Enumerable
                .Range(0, 40)
                .Select(i => engine.Submit([i, i + 1, i + 2], Engines.Limit(15 + 5 * i % 11))),
        ];
        while (first.FinishReasons[0] is null)
            engine.Step();
        Assert.Equal(0, huge.Usage.GeneratedTokens);
        Assert.InRange(small.Count(r => r.FinishReasons[0] is not null), 1, 16);
        while (huge.FinishReasons[0] is null)
            engine.Step();
        Assert.Contains(small, r => r.FinishReasons[0] is null);
        engine.Finish();
        Assert.All(small, r => Assert.Equal([FinishReason.Length], r.FinishReasons));

        static int[] Range(int start, int count) => [.. Enumerable.Range(start, count)];
    }

    [Fact]
    public void Request_that_cannot_go_on_is_told_so_and_the_others_go_on()
    {
        using InferenceEngine engine = Engines.Stepped(_model, _tokenizer);
        string alone = Alone(engine, _tokenizer.Encode("O"), 12);
        InferenceRequest broken = engine.Submit(_tokenizer.Encode("In the"), Engines.Limit(12));
        InferenceRequest unsampled = engine.Submit(_tokenizer.Encode("Who"), Engines.Limit(12));
        InferenceRequest sound = engine.Submit(_tokenizer.Encode("O"), Engines.Limit(12));
        engine.Step();
        engine.Step();
        CachePages.Break(broken.Choices[0].Sequence!);
        // As no model has so few logits.
        unsampled.Choices[0].Sampler = new Sampler(new SamplingOptions(), 1);
        engine.Step();
        Assert.Equal(3, sound.Usage.GeneratedTokens);
        engine.Finish();
        Assert.Equal(alone, sound.Tokens().Text());
        foreach (InferenceRequest failed in (InferenceRequest[])[broken, unsampled])
        {
            var tokens = new List<GeneratedToken>();
            var error = Assert.Throws<StepFailedException>(() =>
            {
                foreach (GeneratedToken token in failed.Read())
                    tokens.Add(token);
            });
            Assert.NotNull(error.InnerException);
            Assert.Equal(2, tokens.Count);
        }
        engine.MustBeUnused();
    }

    [Fact]
    public void A_step_of_one_request_that_fails_is_not_made_again()
    {
        using InferenceEngine engine = Engines.Stepped(_model, _tokenizer);
        InferenceRequest request = engine.Submit([1, 2, 3], Engines.Limit(5));
        engine.Step();
        CachePages.Break(request.Choices[0].Sequence!);
        int layers = 0;
        engine.Batch.Trace = new ModelTrace { OnLayer = layer => layers += layer == 0 ? 1 : 0 };
        engine.Finish();
        Assert.InRange(layers, 0, 1);
        Assert.Throws<StepFailedException>(() => request.Tokens());
    }

    private static string Alone(InferenceEngine engine, int[] prompt, int tokens)
    {
        InferenceRequest request = engine.Submit(prompt, Engines.Limit(tokens));
        engine.Finish();
        return request.Tokens().Text();
    }
}
