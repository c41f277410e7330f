using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Inference;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Hadal.Tests.Server;

/// <summary>Loading, waiting, leaving and stopping.</summary>
public sealed class ServerLifeTests(HeldEngine held) : IClassFixture<HeldEngine>
{
    private const string Path = "/v1/chat/completions";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Requests_are_refused_until_the_model_is_loaded()
    {
        using InferenceEngine engine = held.NewEngine();
        using var loads = new ManualResetEventSlim();
        await using ServerApp app = await ServerApp.StartAsync(
            held.Folder,
            cancellation =>
            {
                loads.Wait(cancellation);
                return new(new(engine), new());
            }
        );
        (HttpStatusCode status, JsonElement body) = await app.GetAsync("/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Equal("loading", body.GetProperty("status").GetString());
        Assert.Equal(HttpStatusCode.OK, (await app.GetAsync("/health")).Status);
        Assert.Equal(HealthStatus.Unhealthy, await HealthAsync(app));
        Assert.Throws<InvalidOperationException>(() => app.Model.Chat);
        using (HttpResponseMessage response = await app.SendAsync(Path, Question()).Soon())
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
            Assert.NotNull(response.Headers.RetryAfter);
        }

        loads.Set();
        Assert.Same(engine, (await app.Model.WaitUntilLoadedAsync(Cancellation).Soon()).Engine);
        Assert.Equal(HttpStatusCode.OK, (await app.GetAsync("/ready")).Status);
        Assert.Equal(HealthStatus.Healthy, await HealthAsync(app));
    }

    [Fact]
    public async Task Model_that_can_not_be_loaded_is_told_of()
    {
        await using ServerApp app = await ServerApp.StartAsync(
            held.Folder,
            _ => throw new HadalException("no such weights")
        );
        var error = await Assert.ThrowsAsync<HadalException>(() =>
            app.Model.WaitUntilLoadedAsync(Cancellation).Soon()
        );
        Assert.Equal("no such weights", error.Message);
        (HttpStatusCode status, JsonElement body) = await app.GetAsync("/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Equal("failed", body.GetProperty("status").GetString());
        await app.RefusalAsync(Path, Question(), HttpStatusCode.ServiceUnavailable);
    }

    [Fact]
    public async Task Server_stops_while_the_model_is_being_loaded()
    {
        ServerApp app = await ServerApp.StartAsync(
            held.Folder,
            cancellation =>
            {
                cancellation.WaitHandle.WaitOne();
                cancellation.ThrowIfCancellationRequested();
                throw new UnreachableException();
            }
        );
        app.Model.Drain();
        await app.RefusalAsync(Path, Question(), HttpStatusCode.ServiceUnavailable);
        await app.DisposeAsync().AsTask().Soon();
    }

    [Theory]
    [InlineData(false, 1, 0)] // In the queue.
    [InlineData(true, 1, 0)]
    [InlineData(false, 2, 1)] // In the prompt.
    [InlineData(true, 1, 1)]
    [InlineData(false, 2, 3)] // While tokens come.
    [InlineData(true, 2, 3)]
    public async Task Client_that_leaves_frees_all_its_pages(bool streams, int choices, int steps)
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(engine);
        using var leaves = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        string words = string.Join(' ', Enumerable.Range(0, 400));
        Task<HttpResponseMessage> request = app.SendAsync(
            Path,
            $$"""{"messages":[{"role":"user","content":"{{words}}"}],"n":{{choices}},"ignore_eos":true,"stream":{{(streams ? "true" : "false")}}}""",
            leaves.Token
        );
        Waiting.Until(() => app.Queued == 1);
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
            "finished_reason=\"abort\"} 1",
            await app.Client.GetStringAsync("/metrics", Cancellation)
        );
    }

    [Fact]
    public async Task Request_beyond_the_queue_is_refused()
    {
        using InferenceEngine engine = held.NewEngine(mostQueued: 1);
        await using ServerApp app = await held.ServeAsync(engine);
        Task<HttpResponseMessage> first = app.SendAsync(Path, Question());
        Waiting.Until(() => app.Queued == 1);
        using (HttpResponseMessage second = await app.SendAsync(Path, Question()).Soon())
        {
            Assert.Equal(HttpStatusCode.TooManyRequests, second.StatusCode);
            Assert.NotNull(second.Headers.RetryAfter);
        }
        engine.Start();
        using HttpResponseMessage response = await first.Soon();
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task Request_beyond_the_server_is_refused()
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => (options.MaxConcurrentRequests, options.MaxQueuedRequests) = (1, 1)
        );
        Task<HttpResponseMessage>[] first =
        [
            app.SendAsync(Path, Question()),
            app.SendAsync(Path, Question()),
        ];
        Waiting.Until(() => app.Gate.Count == 2);
        await app.RefusalAsync(Path, Question(), HttpStatusCode.TooManyRequests);
        engine.Start();
        foreach (HttpResponseMessage response in await Task.WhenAll(first).Soon())
        {
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            response.Dispose();
        }
    }

    /// <summary>A client that asks for a stream and never reads it holds up nobody, and no pages when its text has ended.</summary>
    [Fact]
    public async Task Client_that_does_not_read_holds_no_pages()
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(engine);
        Uri address = app.Client.BaseAddress!;
        // A chunk has some kilobytes: more than the buffers of the connection hold in all.
        const string body =
            """{"prompt":[1,2,3],"max_tokens":2000,"ignore_eos":true,"stream":true,"logprobs":20}""";
        using var client = new TcpClient { ReceiveBufferSize = 4096 };
        await client.ConnectAsync(address.Host, address.Port, Cancellation);
        await client
            .GetStream()
            .WriteAsync(
                Encoding.ASCII.GetBytes(
                    $"POST /v1/completions HTTP/1.1\r\nHost: {address.Authority}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"
                ),
                Cancellation
            );
        Waiting.Until(() => app.Queued == 1);
        while (engine.Step()) { }
        engine.MustBeUnused();
        Task<JsonElement> other = app.PostAsync(
            "/v1/completions",
            """{"prompt":[1],"max_tokens":1}"""
        );
        Waiting.Until(() => app.Queued == 1);
        while (engine.Step()) { }
        await other.Soon();
        client.Close();
        Waiting.Until(() => app.Gate.Count == 0);
    }

    [Fact]
    public async Task Stream_that_waits_has_comments_and_then_its_answer()
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.CommentInterval = TimeSpan.FromMilliseconds(20)
        );
        using HttpResponseMessage response = await app.SendAsync(
                Path,
                Question(streams: true),
                Cancellation
            )
            .Soon();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        Assert.Equal(": waiting", await reader.ReadLineAsync(Cancellation).AsTask().Soon());
        engine.Start();
        string rest = await reader.ReadToEndAsync(Cancellation).Soon();
        Assert.EndsWith("data: [DONE]\n\n", rest, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Error_within_a_stream_ends_it()
    {
        InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.CommentInterval = TimeSpan.FromMilliseconds(20)
        );
        using HttpResponseMessage response = await app.SendAsync(Path, Question(streams: true))
            .Soon();
        engine.Dispose();
        string text = await response.Content.ReadAsStringAsync(Cancellation).Soon();
        string last = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[^1];
        JsonElement error = JsonDocument
            .Parse(last["data: ".Length..])
            .RootElement.GetProperty("error");
        Assert.Equal("server_error", error.GetProperty("type").GetString());
    }

    [Fact]
    public async Task Server_that_stops_ends_what_runs_and_refuses_what_waits()
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.DrainTime = TimeSpan.FromMinutes(1)
        );
        Task<HttpResponseMessage> running = app.SendAsync(Path, Question());
        Waiting.Until(() => app.Queued == 1);
        Assert.True(engine.Step());
        Task<HttpResponseMessage> waiting = app.SendAsync(Path, Question());
        Waiting.Until(() => app.Queued == 1);

        Task stop = app.StopAsync();
        using (HttpResponseMessage refused = await waiting.Soon())
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        (HttpStatusCode status, JsonElement body) = await app.GetAsync("/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Equal("draining", body.GetProperty("status").GetString());
        await app.RefusalAsync(Path, Question(), HttpStatusCode.ServiceUnavailable);
        Assert.False(running.IsCompleted);

        engine.Start();
        using HttpResponseMessage answered = await running.Soon();
        Assert.Equal(HttpStatusCode.OK, answered.StatusCode);
        await stop.Soon();
    }

    [Fact]
    public async Task Server_that_stops_waits_no_longer_than_it_may()
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.DrainTime = TimeSpan.FromMilliseconds(50)
        );
        Task<HttpResponseMessage> running = app.SendAsync(Path, Question());
        Waiting.Until(() => app.Queued == 1);
        Assert.True(engine.Step());
        await app.StopAsync().Soon();
        using HttpResponseMessage response = await running.Soon();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        engine.Step();
        engine.MustBeUnused();
    }

    [Fact]
    public async Task Wrong_options_stop_the_start_and_are_named()
    {
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() =>
            ServerApp.StartAsync(
                "/no/such/folder",
                configure: options =>
                {
                    options.CacheTokens = 0;
                    options.Device = "gpu";
                    options.Drafts = "4";
                    options.Prefill = (PrefillForm)7;
                }
            )
        );
        Assert.Equal(
            ["Hadal:Model", "Hadal:Device", "Hadal:Drafts", "Hadal:Prefill", "Hadal:CacheTokens"],
            error.Failures.Select(failure => failure.Split(' ')[0])
        );
    }

    private static string Question(bool streams = false) =>
        $$"""{"messages":[{"role":"user","content":"x"}],"max_tokens":4,"ignore_eos":true,"stream":{{(streams ? "true" : "false")}}}""";

    private static async Task<HealthStatus> HealthAsync(ServerApp app) =>
        (
            await app
                .Services.GetRequiredService<HealthCheckService>()
                .CheckHealthAsync(Cancellation)
        ).Status;
}
