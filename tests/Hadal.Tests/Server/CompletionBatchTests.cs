using System.Net;
using System.Text.Json;
using Hadal.Inference;
using Hadal.Tests.Inference;
using Hadal.Tests.Server.Tenants;

namespace Hadal.Tests.Server;

/// <summary>Several prompts in one request of <c>/v1/completions</c>.</summary>
public sealed class CompletionBatchTests(HeldEngine held) : IClassFixture<HeldEngine>
{
    private const string Path = "/v1/completions";

    private static readonly string[] s_prompts = ["In the beginning", "Who's there?", "and"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Each_prompt_has_its_choices(bool sendsIds)
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(engine);
        engine.Start();
        const string fields =
            "\"n\":2,\"seed\":9,\"temperature\":1,\"max_tokens\":9,\"echo\":true,\"logprobs\":1";
        List<string> expected = [];
        int promptTokens = 0;
        int generatedTokens = 0;
        foreach (string prompt in s_prompts)
        {
            JsonElement alone = await app.PostAsync(
                Path,
                $$"""{"prompt":{{JsonSerializer.Serialize(prompt)}},{{fields}}}"""
            );
            foreach (JsonElement choice in alone.GetProperty("choices").EnumerateArray())
                expected.Add(Told(choice));
            promptTokens += Usage(alone, "prompt_tokens");
            generatedTokens += Usage(alone, "completion_tokens");
        }
        object prompts = sendsIds
            ? s_prompts.Select(prompt => engine.Tokenizer.Encode(prompt))
            : s_prompts;
        string body = $$"""{"prompt":{{JsonSerializer.Serialize(prompts)}},{{fields}}""";
        JsonElement all = await app.PostAsync(Path, body + "}");
        JsonElement[] choices = [.. all.GetProperty("choices").EnumerateArray()];
        Assert.Equal(expected, choices.Select(Told));
        Assert.Equal(
            Enumerable.Range(0, 6),
            choices.Select(choice => choice.GetProperty("index").GetInt32())
        );
        List<JsonElement> chunks = await app.StreamAsync(
            Path,
            body + ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}"
        );
        Assert.Equal(
            choices.Select(choice => choice.GetProperty("text").GetString()),
            Enumerable.Range(0, 6).Select(index => Streamed(chunks, index))
        );
        foreach (JsonElement end in (JsonElement[])[all, chunks[^1]])
        {
            Assert.Equal(promptTokens, Usage(end, "prompt_tokens"));
            Assert.Equal(generatedTokens, Usage(end, "completion_tokens"));
        }
        engine.MustBeUnused();
    }

    [Fact]
    public async Task More_prompts_than_may_wait_are_refused()
    {
        using InferenceEngine engine = held.NewEngine(mostQueued: 2);
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.MaxQueuedRequests = 3
        );
        string error = (await app.RefusalAsync(Path, """{"prompt":["a","b","c","d"]}"""))
            .GetProperty("message")
            .GetString()!;
        Assert.Contains("4 prompts", error, StringComparison.Ordinal);
        Assert.Contains("at most 3", error, StringComparison.Ordinal);
        // Two of them have a place, and must lose it.
        await app.RefusalAsync(
            Path,
            """{"prompt":["a","b","c"]}""",
            HttpStatusCode.TooManyRequests
        );
        engine.Step();
        engine.MustBeUnused();
        Assert.Equal(0, app.Queued);
        engine.Start();
        await app.PostAsync(Path, """{"prompt":["a","b"],"max_tokens":1}""");
    }

    [Fact]
    public async Task Key_has_no_more_prompts_in_a_request_than_requests()
    {
        using var file = new KeyFile("""{"keys":[{"name":"alice","key":"a","max_requests":2}]}""");
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.ApiKeysFile = file.Path
        );
        app.Client.DefaultRequestHeaders.Add("x-api-key", "a");
        string error = (await app.RefusalAsync(Path, """{"prompt":["a","b","c"]}"""))
            .GetProperty("message")
            .GetString()!;
        Assert.Contains("at most 2", error, StringComparison.Ordinal);
        engine.Start();
        await app.PostAsync(Path, """{"prompt":["a","b"],"max_tokens":1}""");
    }

    [Fact]
    public async Task Wrong_prompt_among_them_leaves_none()
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(engine);
        foreach (string wrong in (string[])["[]", "[99999]", "7", "[\"b\"]", "null"])
        {
            JsonElement error = await app.RefusalAsync(Path, $$"""{"prompt":["a",{{wrong}}]}""");
            Assert.Equal("prompt", error.GetProperty("param").GetString());
        }
        // The first of them had a place.
        engine.Step();
        engine.MustBeUnused();
        Assert.Equal(0, app.Queued);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(3, false)]
    public async Task Client_that_leaves_frees_the_pages_of_all(int steps, bool streams)
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(engine);
        using var leaves = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        string words = string.Join(' ', Enumerable.Range(0, 100));
        Task<HttpResponseMessage> request = app.SendAsync(
            Path,
            $$"""{"prompt":["{{words}}","a","b {{words}}"],"n":2,"max_tokens":50,"ignore_eos":true,"stream":{{(streams ? "true" : "false")}}}""",
            leaves.Token
        );
        Waiting.Until(() => app.Queued == 3);
        for (int i = 0; i < steps; i++)
            Assert.True(engine.Step());
        if (steps > 0)
            Assert.NotEqual(0, engine.Cache.Statistics.ReferencedPages);
        await ServerApp.LeaveAsync(request, leaves);
        Waiting.Until(() => app.Gate.Count == 0);
        engine.Step();
        engine.MustBeUnused();
        Assert.Equal(0, app.Queued);
        Assert.Contains(
            "finished_reason=\"abort\"} 3",
            await app.Client.GetStringAsync("/metrics", Cancellation)
        );
    }

    private static string Told(JsonElement choice) =>
        $"{choice.GetProperty("text")} {choice.GetProperty("logprobs")} {choice.GetProperty("finish_reason")}";

    private static int Usage(JsonElement answer, string field) =>
        answer.GetProperty("usage").GetProperty(field).GetInt32();

    private static string Streamed(IEnumerable<JsonElement> chunks, int index) =>
        string.Concat(
            chunks
                .SelectMany(chunk => chunk.GetProperty("choices").EnumerateArray())
                .Where(choice => choice.GetProperty("index").GetInt32() == index)
                .Select(choice => choice.GetProperty("text").GetString())
        );
}
