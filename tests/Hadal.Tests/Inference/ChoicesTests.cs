using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Inference;

/// <summary>Several texts for one prompt, and what they cost.</summary>
public sealed class ChoicesTests : IDisposable
{
    private readonly DeepSeekModel _model = TestModels.Load("kjv-shakespeare");
    private readonly DeepSeekTokenizer _tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);
    private readonly InferenceEngine _engine;

    public ChoicesTests() => _engine = Engines.Stepped(_model, _tokenizer, 2048);

    public void Dispose()
    {
        _engine.Dispose();
        _model.Dispose();
    }

    [Fact]
    public void Each_choice_draws_from_the_seed_and_its_number_and_the_first_is_one_alone()
    {
        int[] prompt = _tokenizer.Encode("And the king said");
        int[][] four = Texts(prompt, 4);
        Assert.Equal(Texts(prompt, 1)[0], four[0]);
        Assert.Equal(Texts(prompt, 2)[1], four[1]);
        Assert.Equal(four, Texts(prompt, 4));
        Assert.Equal(4, four.Select(text => string.Join(' ', text)).Distinct().Count());
    }

    [Fact]
    public void The_prompt_is_computed_once_but_for_its_last_page()
    {
        int[] prompt = [.. Enumerable.Range(1, 200)];
        int tokens = 0;
        InferenceRequest request = _engine.Submit(prompt, Options(4));
        while (_engine.Step())
            tokens += _engine.Batch.TokenCount;
        // 200, and 200 − 192 for each of the others; then 9 tokens each, as the last is not fed back.
        Assert.Equal(200 + 3 * 8 + 4 * 9, tokens);
        Assert.Equal(40, request.Tokens().Count);
        Assert.Equal(40, request.Usage.GeneratedTokens);
        Assert.Equal(3 * 192, _engine.Cache.Statistics.TokensSaved);
    }

    [Fact]
    public void Requests_of_one_prefix_compute_it_once()
    {
        int[] prefix = [.. Enumerable.Range(1, 700)];
        InferenceRequest[] requests =
        [
            .. Enumerable
                .Range(0, 5)
                .Select(i => _engine.Submit([.. prefix, 1000 + i, 7], Engines.Limit(3))),
        ];
        int tokens = 0;
        while (_engine.Step())
            tokens += _engine.Batch.TokenCount;
        Assert.Equal(702 + 4 * (702 - 640) + 5 * 2, tokens);
        Assert.Equal([0, 640, 640, 640, 640], requests.Select(r => r.Usage.CachedTokens));
    }

    [Fact]
    public void A_prompt_of_whole_pages_computes_its_last_page_again()
    {
        int[] prompt = [.. Enumerable.Range(1, 192)];
        GenerationOptions options = Engines.Limit(3) with { LogProbs = 20 };
        InferenceRequest first = _engine.Submit(prompt, options);
        _engine.Finish();
        InferenceRequest second = _engine.Submit(prompt, options);
        _engine.Finish();
        Assert.Equal((0, 128), (first.Usage.CachedTokens, second.Usage.CachedTokens));
        Assert.Equal(Bits(first), Bits(second));

        static float[] Bits(InferenceRequest request) =>
            [.. request.Tokens().SelectMany(t => t.LogProbs!.Top.Select(top => top.LogProb))];
    }

    [Fact]
    public void Tenants_share_nothing()
    {
        int[] prompt = [.. Enumerable.Range(1, 192)];
        InferenceRequest one = Submit("one");
        InferenceRequest other = Submit("other");
        _engine.Finish();
        InferenceRequest again = Submit("one");
        _engine.Finish();
        Assert.Equal(
            (0, 0, 128),
            (one.Usage.CachedTokens, other.Usage.CachedTokens, again.Usage.CachedTokens)
        );

        InferenceRequest Submit(string salt) =>
            _engine.Submit(prompt, Engines.Limit(1) with { CacheSalt = salt });
    }

    [Fact]
    public void A_request_of_several_choices_that_is_given_up_leaves_nothing()
    {
        for (int steps = 0; steps < 4; steps++)
        {
            InferenceRequest request = _engine.Submit(
                [.. Enumerable.Range(1, 100)],
                Options(3) with
                {
                    PrefillChunk = 60,
                }
            );
            for (int i = 0; i < steps; i++)
                _engine.Step();
            using var source = new CancellationTokenSource();
            IAsyncEnumerator<GeneratedToken> reader = request.GetAsyncEnumerator(source.Token);
            source.Cancel();
            Assert.False(_engine.Step());
            _engine.MustBeUnused();
        }
    }

    private int[][] Texts(int[] prompt, int choices)
    {
        InferenceRequest request = _engine.Submit(prompt, Options(choices));
        _engine.Finish();
        return
        [
            .. request
                .Tokens()
                .GroupBy(token => token.Choice)
                .OrderBy(choice => choice.Key)
                .Select(choice => choice.Ids()),
        ];
    }

    private static GenerationOptions Options(int choices) =>
        Engines.Limit(10) with
        {
            Choices = choices,
            Sampling = new SamplingOptions { Temperature = 1, Seed = 5 },
        };
}
