using Hadal.Caching;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Inference;

/// <summary>What indexers chose for generated tokens. The embedded model chooses 64.</summary>
public sealed class SelectionTests : IDisposable
{
    private const int TopK = 64;
    private readonly DeepSeekModel _model = TestModels.Load(
        "kjv-shakespeare",
        new ModelOptions { LoadPredictor = true, MaxLogitRows = 16 }
    );
    private readonly DeepSeekTokenizer _tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);
    private readonly int[] _prompt;

    public SelectionTests() =>
        _prompt = [
            .. _tokenizer
                .Encode(File.ReadAllText(Path.Combine(Paths.EmbeddedModel, "held.txt")))
                .Take(150),
        ];

    public void Dispose() => _model.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void They_are_what_a_trace_of_the_tokens_tells(int drafts)
    {
        List<GeneratedToken> tokens = Generate(drafts, 40, 40);
        int[] ids = [.. _prompt, .. tokens.Ids()];
        using PagedCache cache = _model.CreateCache(ids.Length);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = _model.CreateBatch(cache);
        batch.Trace = new ModelTrace();
        for (int i = 0; i < tokens.Count; i++)
        {
            GoldenRun.Feed(_model, batch, sequence, i == 0 ? _prompt : [tokens[i - 1].Id]);
            TokenSelection selection = tokens[i].Selection!;
            Assert.Equal(_prompt.Length + i, selection.VisibleTokens);
            Assert.False(selection.IsAll);
            Assert.Equal([0, 1, 2, 3], selection.Layers);
            for (int layer = 0; layer < 4; layer++)
            {
                Assert.Equal(batch.Trace.Layers[layer].Index!, selection.Positions(layer));
                Assert.Equal(TopK, selection.Positions(layer).Length);
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void They_change_no_bit_alone_or_with_others(int drafts)
    {
        List<GeneratedToken> without = Generate(drafts, 30, 0);
        Assert.All(without, token => Assert.Null(token.Selection));
        List<GeneratedToken> with = Generate(drafts, 30, 30);
        Assert.Equal(Drawn(without), Drawn(with));

        using InferenceEngine engine = Engine(drafts);
        InferenceRequest[] requests =
        [
            .. Enumerable.Range(0, 4).Select(i => Submit(engine, 30, i % 2 == 0 ? 0 : 30)),
        ];
        engine.Finish();
        foreach ((InferenceRequest request, int i) in requests.Select((r, i) => (r, i)))
        {
            List<GeneratedToken> tokens = request.Tokens();
            Assert.Equal(Drawn(without), Drawn(tokens));
            Assert.Equal(
                i % 2 == 0 ? [] : with.Select(Chosen),
                tokens.Where(token => token.Selection is not null).Select(Chosen)
            );
        }

        static IEnumerable<(int, float)> Drawn(List<GeneratedToken> tokens) =>
            tokens.Select(token => (token.Id, token.LogProbs!.Token.LogProb));

        static string Chosen(GeneratedToken token) =>
            string.Join(
                '|',
                Enumerable.Range(0, 4).Select(i => string.Join(',', token.Selection!.Positions(i)))
            );
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void They_end_at_the_limit(int drafts)
    {
        List<GeneratedToken> tokens = Generate(drafts, 12, 5);
        Assert.Equal(
            Enumerable.Range(0, 12).Select(i => i < 5),
            tokens.Select(token => token.Selection is not null)
        );
    }

    [Fact]
    public void Each_choice_has_its_own()
    {
        using InferenceEngine engine = Engine(0);
        InferenceRequest request = engine.Submit(
            _prompt,
            Engines.Limit(3) with
            {
                Choices = 2,
                SelectionTokens = 2,
                Sampling = new SamplingOptions { Temperature = 1, Seed = 3 },
            }
        );
        engine.Finish();
        ILookup<int, GeneratedToken> choices = request.Tokens().ToLookup(token => token.Choice);
        for (int choice = 0; choice < 2; choice++)
            Assert.Equal(
                [_prompt.Length, _prompt.Length + 1, null],
                choices[choice].Select(token => token.Selection?.VisibleTokens)
            );
    }

    [Fact]
    public void Up_to_as_many_tokens_as_are_chosen_all_are()
    {
        using InferenceEngine engine = Engine(0);
        InferenceRequest request = engine.Submit(
            _prompt.AsSpan(0, TopK - 1),
            Engines.Limit(4) with
            {
                SelectionTokens = 4,
            }
        );
        engine.Finish();
        TokenSelection[] selections = [.. request.Tokens().Select(token => token.Selection!)];
        Assert.Equal([true, true, false, false], selections.Select(selection => selection.IsAll));
        Assert.Equal(Enumerable.Range(0, TopK), selections[1].Positions(3));
        Assert.Throws<ArgumentOutOfRangeException>(() => selections[1].Positions(4));
    }

    [Fact]
    public void A_model_without_indexer_chooses_nothing()
    {
        using var models = new ChatModels();
        using DeepSeekModel model = ChatModels.Load(models.V31);
        using InferenceEngine engine = Engines.Stepped(model, DeepSeekTokenizer.Load(models.V31));
        InferenceRequest request = engine.Submit(
            _prompt,
            Engines.Limit(1) with
            {
                SelectionTokens = 1,
            }
        );
        engine.Finish();
        TokenSelection selection = Assert.Single(request.Tokens()).Selection!;
        Assert.Empty(selection.Layers);
        Assert.True(selection.IsAll);
        Assert.Equal(_prompt.Length, selection.VisibleTokens);
    }

    [Fact]
    public void A_preempted_text_tells_each_once()
    {
        using InferenceEngine engine = Engines.Stepped(_model, _tokenizer, cacheTokens: 384);
        InferenceRequest[] requests = [Submit(engine, 150, 150), Submit(engine, 150, 150, seed: 8)];
        engine.Finish();
        Assert.All(
            requests,
            request =>
                Assert.Equal(
                    Enumerable.Range(_prompt.Length, 150),
                    request.Tokens().Select(token => token.Selection!.VisibleTokens)
                )
        );
    }

    [Fact]
    public void Positions_survive_their_code()
    {
        int[] positions =
        [
            0,
            1,
            127,
            128,
            255,
            256,
            16_383,
            16_384 + 16_383,
            1 << 20,
            int.MaxValue,
        ];
        Assert.Equal(positions, PositionCode.Decode(PositionCode.Encode(positions)));
        Assert.Empty(PositionCode.Decode(PositionCode.Encode([])));
    }

    private InferenceEngine Engine(int drafts) =>
        Engines.Stepped(_model, _tokenizer, options: new EngineOptions { Drafts = drafts });

    private List<GeneratedToken> Generate(int drafts, int tokens, int recorded)
    {
        using InferenceEngine engine = Engine(drafts);
        InferenceRequest request = Submit(engine, tokens, recorded);
        engine.Finish();
        return request.Tokens();
    }

    private InferenceRequest Submit(
        InferenceEngine engine,
        int tokens,
        int recorded,
        ulong seed = 7
    ) =>
        engine.Submit(
            _prompt,
            Engines.Limit(tokens) with
            {
                SelectionTokens = recorded,
                LogProbs = 0,
                Sampling = new SamplingOptions { Temperature = 0.7f, Seed = seed },
            }
        );
}
