using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tests.Tokenization;
using Hadal.Tokenization;

namespace Hadal.Tests.Inference;

/// <summary>Texts with a grammar are the same however the steps are made.</summary>
public sealed class GrammarScheduleTests : IDisposable
{
    // Most texts of the embedded model are so, so that its predictor's guesses are often allowed.
    private const string Prose = @"[A-Z][A-Za-z ,:;.'\n]*[.!?]";

    private readonly DeepSeekModel _model = TestModels.Load(
        "kjv-shakespeare",
        new ModelOptions { LoadPredictor = true, MaxLogitRows = 16 }
    );
    private readonly DeepSeekTokenizer _tokenizer = TestTokenizers.Small;

    public void Dispose() => _model.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Drafts_change_no_bit(int drafts)
    {
        (string without, _) = Run(new EngineOptions());
        (string with, InferenceRequest[] requests) = Run(new EngineOptions { Drafts = drafts });
        Assert.Equal(without, with);
        int drafted = requests.Sum(r => r.Usage.DraftedTokens);
        Assert.InRange(requests.Sum(r => r.Usage.AcceptedTokens), 1, drafted - 1);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void Neither_company_nor_chunks_nor_preemption_changes_a_bit(int drafts)
    {
        string alone = string.Join(
            '\n',
            Submissions().Select((_, i) => Run(new EngineOptions(), only: i).Text)
        );
        var options = new EngineOptions { Drafts = drafts };
        Assert.Equal(alone, Run(options).Text);
        Assert.Equal(alone, Run(options, chunk: 7).Text);
        // The first text takes both pages of 64 tokens in the end.
        bool isPreempted = false;
        (string preempted, _) = Run(
            options,
            cacheTokens: 128,
            afterStep: requests =>
                isPreempted |= requests
                    .SelectMany(request => request.Choices.ToArray())
                    .Any(text =>
                        text.Sequence is null
                        && text.Stop.TokenCount > 0
                        && text.Stop.FinishReason is null
                    )
        );
        Assert.True(isPreempted);
        Assert.Equal(alone, preempted);
    }

    /// <summary>All bits of a few requests, together or one of them.</summary>
    private (string Text, InferenceRequest[] Requests) Run(
        EngineOptions engineOptions,
        int? only = null,
        int? chunk = null,
        int cacheTokens = 1024,
        Action<InferenceRequest[]>? afterStep = null
    )
    {
        using InferenceEngine engine = Engine(engineOptions, cacheTokens);
        (string Prompt, GenerationOptions Options)[] all = Submissions();
        InferenceRequest[] requests =
        [
            .. all.Where((_, i) => only is null || only == i)
                .Select(s =>
                    engine.Submit(
                        _tokenizer.Encode(s.Prompt),
                        s.Options with
                        {
                            PrefillChunk = chunk,
                        }
                    )
                ),
        ];
        while (engine.Step())
            afterStep?.Invoke(requests);
        engine.MustBeUnused();
        string text = string.Join(
            '\n',
            requests
                .SelectMany(request => request.Tokens().OrderBy(token => token.Choice))
                .Select(token =>
                    $"{token.Choice} {token.Id} {token.Text} {token.FinishReason} {token.LogProbs!.Token.LogProb:r}"
                )
        );
        return (text, requests);
    }

    private static (string Prompt, GenerationOptions Options)[] Submissions()
    {
        var options = new GenerationOptions
        {
            LogProbs = 1,
            Stop = new StopConditions { MaxTokens = 80 },
        };
        var sampling = new SamplingOptions
        {
            Temperature = 0.7f,
            Seed = 4,
            RepetitionPenalty = 1.05f,
            FrequencyPenalty = 0.1f,
        };
        var prose = Grammar.FromRegex(Prose);
        return
        [
            (
                "In the beginning God created the heaven and the earth. ",
                options with
                {
                    Grammar = prose,
                    // Else the first sentence ends it.
                    Stop = new StopConditions { MaxTokens = 80, MinTokens = 70 },
                }
            ),
            (
                "And it came to pass in those days, that ",
                options with
                {
                    Grammar = prose,
                    Choices = 2,
                    Sampling = sampling,
                }
            ),
            (
                "The king: ",
                options with
                {
                    Grammar = GrammarTests.JsonGrammar(),
                    Sampling = sampling,
                }
            ),
            ("Enter KING HENRY", options),
        ];
    }

    private InferenceEngine Engine(EngineOptions options, int cacheTokens) =>
        Engines.Stepped(_model, _tokenizer, cacheTokens, options);
}
