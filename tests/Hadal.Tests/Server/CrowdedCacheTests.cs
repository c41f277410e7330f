using System.Globalization;
using System.Net;
using System.Text.Json;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Inference;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Server;

/// <summary>Requests that share too little room.</summary>
public sealed class CrowdedCacheTests(HeldEngine held) : IClassFixture<HeldEngine>
{
    private const string Path = "/v1/completions";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_long_prompts_that_outgrow_the_cache_both_end()
    {
        using InferenceEngine engine = held.NewEngine(cacheTokens: 512);
        await using ServerApp app = await held.ServeAsync(engine);
        // Each takes four pages of eight, and grows by one.
        string[] bodies = [Body(1, 250, 40), Body(2, 250, 40), Body(3, 4, 8), Body(4, 4, 8)];
        List<Task<HttpResponseMessage>> together = [];
        foreach (string body in bodies)
        {
            together.Add(app.SendAsync(Path, body, Cancellation));
            Waiting.Until(() => app.Queued == together.Count);
        }
        engine.Finish();
        List<string> texts = [];
        foreach (Task<HttpResponseMessage> one in together)
        {
            using HttpResponseMessage response = await one.Soon();
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            texts.Add(Choices(await response.Content.ReadAsStringAsync(Cancellation)));
        }
        // The second of the long ones makes room; it does not come back to make the first do so.
        Assert.InRange(await PreemptionsAsync(app), 1, 2);
        engine.Start();
        foreach ((string body, string text) in bodies.Zip(texts))
            Assert.Equal(Choices((await app.PostAsync(Path, body)).GetRawText()), text);
        Waiting.Until(() => app.Gate.Count == 0);
        engine.MustBeUnused();
    }

    [Fact]
    public async Task Small_prompts_go_on_beside_a_huge_one()
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(engine);
        Task<HttpResponseMessage> huge = app.SendAsync(Path, Body(1, 3000, 1), Cancellation);
        Waiting.Until(() => app.Queued == 1);
        // Its prompt fills this step and the next ones.
        Assert.True(engine.Step());
        Task<HttpResponseMessage> small = app.SendAsync(Path, Body(2, 4, 2), Cancellation);
        Waiting.Until(() => app.Queued == 1);
        for (int i = 0; i < 2; i++)
            Assert.True(engine.Step());
        using (HttpResponseMessage response = await small.Soon())
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.False(huge.IsCompleted);
        engine.Start();
        using HttpResponseMessage last = await huge.Soon();
        Assert.Equal(HttpStatusCode.OK, last.StatusCode);
    }

    private static string Body(int seed, int tokens, int most)
    {
        var random = new Random(seed);
        IEnumerable<int> ids = Enumerable.Range(0, tokens).Select(_ => random.Next(3, 2000));
        return $$"""{"prompt":[{{string.Join(',', ids)}}],"max_tokens":{{most}},"ignore_eos":true,"temperature":0}""";
    }

    private static string Choices(string answer) =>
        JsonElement.Parse(answer).GetProperty("choices").GetRawText();

    private static async Task<int> PreemptionsAsync(ServerApp app)
    {
        const string name = "vllm:num_preemptions_total{model_name=\"deep\"} ";
        string line = (await app.Client.GetStringAsync("/metrics", Cancellation))
            .Split('\n')
            .Single(one => one.StartsWith(name, StringComparison.Ordinal));
        return int.Parse(line[name.Length..], CultureInfo.InvariantCulture);
    }
}
