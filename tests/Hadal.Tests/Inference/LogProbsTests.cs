using Hadal.Caching;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Inference;

public sealed class LogProbsTests : IDisposable
{
    private readonly DeepSeekModel _model = TestModels.Load(
        "kjv-shakespeare",
        new ModelOptions { MaxLogitRows = 5 }
    );
    private readonly DeepSeekTokenizer _tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);
    private readonly InferenceEngine _engine;
    private readonly int[] _prompt;

    public LogProbsTests()
    {
        _engine = Engines.Stepped(_model, _tokenizer);
        _prompt = _tokenizer.Encode("In the beginning God created the heaven and the earth.");
    }

    public void Dispose()
    {
        _engine.Dispose();
        _model.Dispose();
    }

    [Fact]
    public void They_are_the_log_softmax_of_the_models_logits_whatever_was_drawn()
    {
        var options = Engines.Limit(6) with
        {
            LogProbs = 3,
            PromptLogProbs = 2,
            Sampling = new SamplingOptions
            {
                Temperature = 3,
                Seed = 1,
                PresencePenalty = 2,
                LogitBias = new Dictionary<int, float> { [9] = 5 },
            },
        };
        InferenceRequest request = _engine.Submit(_prompt, options);
        _engine.Finish();
        List<GeneratedToken> generated = request.Tokens();
        int[] all = [.. _prompt, .. generated.Ids()];
        float[][] logits = Logits(all);
        IReadOnlyList<TokenLogProbs?> prompt = request.PromptLogProbs;
        Assert.Equal(_prompt.Length, prompt.Count);
        Assert.Null(prompt[0]);
        TokenLogProbs[] found =
        [
            .. prompt.Skip(1).Select(p => p!),
            .. generated.Select(token => token.LogProbs!),
        ];
        for (int i = 0; i < found.Length; i++)
        {
            double[] expected = LogSoftmax(logits[i]);
            Assert.Equal(all[i + 1], found[i].Token.Id);
            Assert.Equal(expected[all[i + 1]], found[i].Token.LogProb, 1e-5);
            int[] best =
            [
                .. Enumerable
                    .Range(0, expected.Length)
                    .OrderByDescending(id => logits[i][id])
                    .ThenBy(id => id),
            ];
            int top = i < _prompt.Length - 1 ? 2 : 3;
            Assert.Equal(best[..top], found[i].Top.Select(t => t.Id));
            Assert.All(found[i].Top, t => Assert.Equal(expected[t.Id], t.LogProb, 1e-5));
        }
    }

    /// <summary>Those of a prompt want its logits, which a cached prefix doesn't have.</summary>
    [Fact]
    public void Prompts_tell_all_of_theirs_again_and_again()
    {
        int[] prompt = [.. Enumerable.Range(1, 150)];
        GenerationOptions options = Engines.Limit(2) with { PromptLogProbs = 1, Choices = 2 };
        _engine.Submit(prompt, Engines.Limit(2));
        InferenceRequest first = _engine.Submit(prompt, options);
        _engine.Finish();
        InferenceRequest second = _engine.Submit(prompt, options with { PrefillChunk = 3 });
        _engine.Finish();
        Assert.Equal(0, second.Usage.CachedTokens);
        Assert.Equal(Bits(first), Bits(second));
        Assert.Equal(4, first.Tokens().Count);

        float[] Bits(InferenceRequest request)
        {
            Assert.Equal(prompt.Length, request.PromptLogProbs.Count);
            return
            [
                .. request
                    .PromptLogProbs.Skip(1)
                    .SelectMany(p => (float[])[p!.Token.LogProb, p.Top[0].LogProb]),
            ];
        }
    }

    [Fact]
    public void None_are_told_that_were_not_asked_for()
    {
        InferenceRequest request = _engine.Submit(_prompt, Engines.Limit(2));
        InferenceRequest bare = _engine.Submit(_prompt, Engines.Limit(2) with { LogProbs = 0 });
        _engine.Finish();
        Assert.All(request.Tokens(), token => Assert.Null(token.LogProbs));
        Assert.Empty(request.PromptLogProbs);
        Assert.All(bare.Tokens(), token => Assert.Empty(token.LogProbs!.Top));
    }

    // The logits after each token, one step a token.
    private float[][] Logits(int[] tokens)
    {
        using PagedCache cache = _model.CreateCache(tokens.Length);
        using StepBatch batch = _model.CreateBatch(cache);
        using CachedSequence sequence = cache.CreateSequence();
        return
        [
            .. tokens.Select(token =>
            {
                batch.Clear();
                batch.Add(sequence, [token], RowKind.Decode);
                return _model.Forward(batch)[0].ToArray();
            }),
        ];
    }

    private static double[] LogSoftmax(float[] logits)
    {
        double max = logits.Max();
        double sum = logits.Sum(logit => Math.Exp(logit - max));
        return [.. logits.Select(logit => logit - max - Math.Log(sum))];
    }
}
