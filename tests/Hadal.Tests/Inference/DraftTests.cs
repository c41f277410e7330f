using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Inference;

/// <summary>Texts that the trained predictor guesses ahead.</summary>
public sealed class DraftTests(ITestOutputHelper output) : IDisposable
{
    private readonly DeepSeekModel _model = TestModels.Load(
        "kjv-shakespeare",
        new ModelOptions { LoadPredictor = true, MaxLogitRows = 16 }
    );
    private readonly DeepSeekTokenizer _tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);

    public void Dispose() => _model.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void They_save_steps_and_change_no_bit(int drafts)
    {
        (string without, int steps, _) = Run(0);
        (string with, int fewer, List<GenerationUsage> usage) = Run(drafts);
        Assert.Equal(without, with);
        int verified = usage.Sum(u => u.DraftedTokens);
        int accepted = usage.Sum(u => u.AcceptedTokens);
        output.WriteLine($"{steps} steps, {fewer} with drafts; {accepted} of {verified} right");
        Assert.InRange(accepted, 1, verified - 1);
        Assert.True(fewer < steps);
    }

    [Fact]
    public void Greedy_text_of_the_embedded_model_takes_far_fewer_steps()
    {
        using InferenceEngine engine = Engine(3);
        InferenceRequest request = engine.Submit(
            _tokenizer.Encode("In the beginning God created the heaven and"),
            Engines.Limit(200)
        );
        int steps = 0;
        for (; engine.Step(); steps++) { }
        GenerationUsage usage = request.Usage;
        output.WriteLine($"{usage.AcceptedTokens} of {usage.DraftedTokens} right, {steps} steps");
        Assert.Equal(200, usage.GeneratedTokens);
        Assert.Equal(usage.GeneratedTokens, usage.AcceptedTokens + usage.Steps);
        Assert.True(usage.TokensPerStep > 2);
        for (int i = 1; i < 3; i++)
            Assert.InRange(usage.AcceptedByPlace[i], 1, usage.AcceptedByPlace[i - 1]);
        Assert.InRange(steps, 50, 150);
    }

    [Fact]
    public void Guesses_in_a_batch_are_those_alone()
    {
        string[] prompts = ["And it came to pass", "Enter KING HENRY", "The LORD", "O Romeo,"];
        using InferenceEngine engine = Engine(3);
        List<(int, int)> alone = [];
        foreach (string prompt in prompts)
        {
            InferenceRequest request = Submit(prompt);
            engine.Finish();
            alone.Add(Guesses(request));
        }
        using InferenceEngine batched = Engine(3);
        InferenceRequest[] together = [.. prompts.Select(prompt => Submit(prompt, batched))];
        batched.Finish();
        Assert.Equal(alone, together.Select(Guesses));

        InferenceRequest Submit(string prompt, InferenceEngine? other = null) =>
            (other ?? engine).Submit(_tokenizer.Encode(prompt), Engines.Limit(40));

        static (int, int) Guesses(InferenceRequest request) =>
            (request.Usage.DraftedTokens, request.Usage.AcceptedTokens);
    }

    [Fact]
    public void Drafts_want_a_model_with_its_predictor()
    {
        using DeepSeekModel without = TestModels.Load("kjv-shakespeare");
        var error = Assert.Throws<ArgumentException>(() =>
            Engines.Stepped(without, _tokenizer, options: new EngineOptions { Drafts = 1 })
        );
        Assert.Contains("LoadPredictor", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new EngineOptions { Drafts = 4 });
    }

    /// <summary>Only accepted tokens are published.</summary>
    [Fact]
    public void Pages_of_drafts_are_no_ones_prefix()
    {
        int[] prompt = _tokenizer.Encode("And the king said unto the");
        using InferenceEngine plain = Engine(0);
        using InferenceEngine drafting = Engine(3);
        InferenceRequest first = Finished(drafting, prompt, 150);
        int[] longer = [.. prompt, .. first.Tokens().Ids(), 5, 6];
        InferenceRequest again = Finished(drafting, longer, 20);
        Assert.Equal((prompt.Length + 149) / 64 * 64, again.Usage.CachedTokens);
        Assert.Equal(Finished(plain, longer, 20).Tokens(), again.Tokens());

        static InferenceRequest Finished(InferenceEngine engine, int[] prompt, int tokens)
        {
            InferenceRequest request = engine.Submit(prompt, Engines.Limit(tokens));
            engine.Finish();
            return request;
        }
    }

    private (string Text, int Steps, List<GenerationUsage> Usage) Run(int drafts)
    {
        using InferenceEngine engine = Engine(drafts);
        int[] prompt = _tokenizer.Encode("And it came to pass in those days, that");
        GenerationOptions options = Engines.Limit(60) with { LogProbs = 1 };
        InferenceRequest[] requests =
        [
            engine.Submit(prompt, options),
            engine.Submit(
                prompt,
                options with
                {
                    Choices = 2,
                    Sampling = new SamplingOptions
                    {
                        Temperature = 0.7f,
                        Seed = 4,
                        RepetitionPenalty = 1.05f,
                        FrequencyPenalty = 0.1f,
                        LogitBias = new Dictionary<int, float> { [14] = 1 },
                    },
                }
            ),
            engine.Submit(
                _tokenizer.Encode("Enter KING HENRY"),
                options with
                {
                    Stop = new StopConditions { Strings = ["the"], MinTokens = 20 },
                }
            ),
        ];
        int steps = 0;
        for (; engine.Step(); steps++)
            Assert.InRange(engine.Batch.LogitRowCount, 0, 16);
        engine.MustBeUnused();
        string text = string.Join(
            '\n',
            requests.SelectMany(request =>
                request
                    .Tokens()
                    .OrderBy(token => token.Choice)
                    .Select(token =>
                        $"{token.Choice} {token.Id} {token.Text} {token.FinishReason} {token.LogProbs!.Token.LogProb:r}"
                    )
            )
        );
        return (text, steps, [.. requests.Select(request => request.Usage)]);
    }

    private InferenceEngine Engine(int drafts) =>
        Engines.Stepped(_model, _tokenizer, options: new EngineOptions { Drafts = drafts });
}
