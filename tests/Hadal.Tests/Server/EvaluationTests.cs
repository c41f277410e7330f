using System.Text.Json;
using System.Text.Json.Nodes;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Tests.Inference;
using Hadal.Tests.Server.Recorded;

namespace Hadal.Tests.Server;

/// <summary>Requests of lm-evaluation-harness's <c>local-completions</c>, whose answers are read as it reads them.</summary>
public sealed class EvaluationTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Path = "/v1/completions";

    private InferenceEngine Engine => fixture.App.Engine;

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // The token that it generates, and leaves out, is the last of the text.
    public async Task Log_likelihoods_are_those_of_the_engine(bool ends)
    {
        JsonObject body = Read("lm-eval-loglikelihood");
        int[][] prompts = body["prompt"].Deserialize<int[][]>()!;
        // What the model would say itself, so that one is greedy. It has rows for which there are no tokens.
        int[] begin = prompts.First(one => Greedy(one) < Engine.Tokenizer.VocabularySize);
        prompts = [.. prompts, [.. begin, Greedy(begin)]];
        int[] contexts = [6, 1, 2, begin.Length];
        body["prompt"] = JsonSerializer.SerializeToNode(prompts);
        if (ends)
            body["logit_bias"] = new JsonObject { [$"{Engine.Tokenizer.EosId}"] = 100 };
        JsonElement answer = await fixture.App.PostAsync(Path, body.ToJsonString());

        (double Sum, bool IsGreedy)[] read = [.. Parse(answer, contexts)];
        Assert.Equal(prompts.Zip(contexts).Select(one => Expected(one.First, one.Second)), read);
        Assert.True(read[3].IsGreedy);
        Assert.Contains(read, one => !one.IsGreedy);
    }

    [Fact]
    public async Task Texts_end_where_they_must()
    {
        JsonObject body = Read("lm-eval-generate-until");
        int[][] prompts = body["prompt"].Deserialize<int[][]>()!;
        SamplingOptions sampling = new() { LogitBias = PlainTokens.Bias(Engine.Tokenizer) };
        GenerationOptions first = Engines.Limit(8) with { Sampling = sampling };
        string stop = Engine.Text(prompts[1], first)[2..4];
        body["stop"]![0] = stop;
        body["logit_bias"] = JsonSerializer.SerializeToNode(sampling.LogitBias);
        JsonElement answer = await fixture.App.PostAsync(Path, body.ToJsonString());
        string[] texts = new string[prompts.Length];
        foreach (JsonElement choice in answer.GetProperty("choices").EnumerateArray())
            texts[choice.GetProperty("index").GetInt32()] = choice.GetProperty("text").GetString()!;
        var options = new GenerationOptions
        {
            Sampling = sampling,
            Stop = new StopConditions
            {
                MaxTokens = 24,
                Strings = body["stop"].Deserialize<string[]>()!,
            },
        };
        Assert.Equal(prompts.Select(prompt => Engine.Text(prompt, options)), texts);
        Assert.DoesNotContain(stop, texts[1], StringComparison.Ordinal);
    }

    /// <summary>The harness's <c>parse_logprobs</c>: by the slice <c>[ctxlen:-1]</c> of each choice.</summary>
    private static IEnumerable<(double Sum, bool IsGreedy)> Parse(
        JsonElement answer,
        int[] contexts
    ) =>
        answer
            .GetProperty("choices")
            .EnumerateArray()
            .OrderBy(choice => choice.GetProperty("index").GetInt32())
            .Zip(contexts)
            .Select(one =>
            {
                JsonElement logProbs = one.First.GetProperty("logprobs");
                JsonElement[] tokens = Slice("token_logprobs");
                JsonElement[] top = Slice("top_logprobs");
                Assert.NotEmpty(tokens);
                return (
                    tokens.Sum(token => (double)token.GetSingle()),
                    tokens
                        .Zip(top)
                        .All(pair =>
                            pair.First.GetSingle()
                            == pair.Second.EnumerateObject().Max(it => it.Value.GetSingle())
                        )
                );

                JsonElement[] Slice(string field) =>
                    [.. logProbs.GetProperty(field).EnumerateArray().ToArray()[one.Second..^1]];
            });

    private int Greedy(int[] prompt) => Engine.Submit(prompt, Engines.Limit(1)).Tokens()[0].Id;

    private (double Sum, bool IsGreedy) Expected(int[] prompt, int context)
    {
        InferenceRequest request = Engine.Submit(
            prompt,
            Engines.Limit(1) with
            {
                PromptLogProbs = 1,
            }
        );
        request.Tokens();
        TokenLogProbs[] tokens = [.. request.PromptLogProbs.Skip(context).Select(one => one!)];
        return (
            tokens.Sum(token => (double)token.Token.LogProb),
            tokens.All(token => token.Token.LogProb == token.Top[0].LogProb)
        );
    }

    private static JsonObject Read(string name) =>
        JsonNode.Parse(RecordedRequests.Read(name))!.AsObject();
}
