using System.Text.Json;
using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Grammars;
using Hadal.Tests.Model;
using Hadal.Tests.Tokenization;

namespace Hadal.Tests.Inference;

/// <summary>What the embedded model writes under a hundred schemas, judged by JsonSchema.Net. More with HADAL_TEST_ALL=1.</summary>
public sealed class SchemaAnswerTests(ITestOutputHelper output)
{
    private const int Limit = 900;
    private const int OpenLimit = 200;

    private static readonly int s_seeds =
        Environment.GetEnvironmentVariable("HADAL_TEST_ALL") == "1" ? 20 : 2;

    // The model was never taught to end a JSON text.
    private static readonly Dictionary<int, float> s_endsSoon = Enumerable
        .Range(0, TestTokenizers.Small.VocabularySize)
        .Where(id => TestTokenizers.Small.GetBytes(id).IndexOfAny("\"}]"u8) >= 0)
        .ToDictionary(id => id, _ => 15f);

    [Fact]
    public void Answers_that_end_satisfy_their_schemas()
    {
        var options = new ModelOptions { MaxSequences = 24, MaxStepTokens = 64 };
        using DeepSeekModel model = TestModels.Load("kjv-shakespeare", options);
        using InferenceEngine engine = Engines.Stepped(
            model,
            TestTokenizers.Small,
            24 * 1024,
            new EngineOptions { MaxQueuedRequests = 100 * s_seeds }
        );
        int[] prompt = TestTokenizers.Small.Encode("And the king wrote: ");
        var asked = new List<(string Name, InferenceRequest Request)>();
        foreach ((string name, JsonElement schema) in TestSchemas.All)
        {
            var grammar = Grammar.FromJsonSchema(schema);
            int limit = TestSchemas.Bounded.ContainsKey(name) ? Limit : OpenLimit;
            for (int seed = 0; seed < s_seeds; seed++)
                asked.Add((name, engine.Submit(prompt, Options(grammar, limit, seed))));
        }
        engine.Finish();
        var oracles = TestSchemas.All.ToDictionary(
            pair => pair.Key,
            pair => new JsonOracle(pair.Value)
        );
        int judged = 0;
        int bounded = 0;
        int open = 0;
        int tokens = 0;
        var cut = new List<string>();
        foreach ((string name, InferenceRequest request) in asked)
        {
            List<GeneratedToken> answer = request.Tokens();
            tokens += answer.Count;
            if (answer[^1].FinishReason != FinishReason.Stop)
            {
                Assert.Equal(FinishReason.Length, answer[^1].FinishReason);
                cut.Add(name);
                continue;
            }
            if (JsonOracle.CanJudge(answer.Text()))
            {
                Assert.True(oracles[name].Allows(answer.Text()), $"{name}: {answer.Text()}");
                judged++;
            }
            if (TestSchemas.Bounded.ContainsKey(name))
                bounded++;
            else
                open++;
        }
        output.WriteLine(
            $"{tokens} tokens; {bounded} bounded and {open} open answers ended, {judged} judged; not {string.Join(' ', cut)}"
        );
        Assert.Equal(100 * s_seeds, asked.Count);
        Assert.True(bounded >= 0.9 * TestSchemas.Bounded.Count * s_seeds);
        Assert.True(open >= 0.7 * TestSchemas.Open.Count * s_seeds);
        Assert.True(judged >= 0.8 * asked.Count);
        engine.MustBeUnused();
    }

    private static GenerationOptions Options(Grammar grammar, int limit, int seed) =>
        new()
        {
            Grammar = grammar,
            Stop = new StopConditions { MaxTokens = limit },
            Sampling = new SamplingOptions
            {
                Temperature = 1,
                Seed = (ulong)seed,
                LogitBias = s_endsSoon,
            },
        };
}
