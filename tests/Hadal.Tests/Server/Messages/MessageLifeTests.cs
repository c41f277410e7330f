using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Anthropic;
using Anthropic.Core;
using Anthropic.Exceptions;
using Anthropic.Models.Messages;
using Hadal.Inference;
using Hadal.Tests.Inference;

namespace Hadal.Tests.Server.Messages;

/// <summary>Access to <c>/v1/messages</c>, waiting and stopping.</summary>
public sealed class MessageLifeTests(HeldEngine held) : IClassFixture<HeldEngine>
{
    private const string Path = "/v1/messages";
    private const string Question =
        """{"max_tokens":4,"stream":true,"messages":[{"role":"user","content":"x"}]}""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("x-api-key", "right-key", HttpStatusCode.OK)]
    [InlineData("Authorization", "Bearer right-key", HttpStatusCode.OK)]
    [InlineData("x-api-key", "wrong-key", HttpStatusCode.Unauthorized)]
    [InlineData("x-api-key", "", HttpStatusCode.Unauthorized)]
    [InlineData("anthropic-version", "2023-06-01", HttpStatusCode.Unauthorized)]
    public async Task Key_may_be_in_either_header(string name, string value, HttpStatusCode status)
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.ApiKey = "right-key"
        );
        foreach (string path in (string[])[$"{Path}/count_tokens?beta=true", "/tokenize"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path)
            {
                Content = new StringContent(Question, Encoding.UTF8, "application/json"),
            };
            request.Headers.TryAddWithoutValidation(name, value);
            using HttpResponseMessage response = await app.Client.SendAsync(request, Cancellation);
            Assert.Equal(status, response.StatusCode);
            if (status != HttpStatusCode.OK && path.StartsWith(Path))
                MessageErrorTests.MustBeError(
                    await response.Content.ReadAsStringAsync(Cancellation),
                    "x-api-key",
                    "authentication_error"
                );
        }
    }

    [Fact]
    public async Task Hosts_lengths_and_the_queue_are_refused_in_the_words_of_the_api()
    {
        using InferenceEngine engine = held.NewEngine(mostQueued: 1);
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.MaxBodyBytes = 1000
        );
        await MustBeRefusedAsync(
            app,
            Question.PadRight(1001),
            HttpStatusCode.RequestEntityTooLarge,
            "request_too_large"
        );
        using (var page = new HttpRequestMessage(HttpMethod.Post, Path))
        {
            page.Headers.TryAddWithoutValidation("Origin", "https://evil.example");
            using HttpResponseMessage response = await app.Client.SendAsync(page, Cancellation);
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
            MessageErrorTests.MustBeError(
                await response.Content.ReadAsStringAsync(Cancellation),
                "Origin",
                "permission_error"
            );
        }
        InferenceRequest first = engine.Submit([1], new());
        await MustBeRefusedAsync(app, Question, HttpStatusCode.TooManyRequests, "rate_limit_error");
        first.Cancel();
    }

    [Fact]
    public async Task Server_that_loads_or_stops_is_overloaded()
    {
        using InferenceEngine engine = held.NewEngine();
        using var loads = new ManualResetEventSlim();
        await using ServerApp app = await ServerApp.StartAsync(
            held.Folder,
            cancellation =>
            {
                loads.Wait(cancellation);
                return new(new(engine), new());
            },
            options => options.DrainTime = TimeSpan.FromMinutes(1)
        );
        await MustBeRefusedAsync(
            app,
            Question,
            HttpStatusCode.ServiceUnavailable,
            "overloaded_error"
        );
        loads.Set();
        await app.Model.WaitUntilLoadedAsync(Cancellation).Soon();
        Task<HttpResponseMessage> running = app.SendAsync(
            Path,
            Question.Replace("true", "false"),
            Cancellation
        );
        Waiting.Until(() => engine.Step());
        Task stop = app.StopAsync();
        Waiting.Until(() => app.Model.State == Hadal.Server.HadalState.Draining);
        await MustBeRefusedAsync(
            app,
            Question,
            HttpStatusCode.ServiceUnavailable,
            "overloaded_error"
        );
        engine.Start();
        using HttpResponseMessage answered = await running.Soon();
        Assert.Equal(HttpStatusCode.OK, answered.StatusCode);
        await stop.Soon();
    }

    [Fact]
    public async Task Stream_that_waits_has_pings_and_then_its_answer()
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.CommentInterval = TimeSpan.FromMilliseconds(20)
        );
        using HttpResponseMessage response = await app.SendAsync(Path, Question, Cancellation)
            .Soon();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Cancellation));
        var begin = new StringBuilder();
        while (!begin.ToString().EndsWith("event: ping\n", StringComparison.Ordinal))
            begin.Append(await reader.ReadLineAsync(Cancellation).AsTask().Soon()).Append('\n');
        engine.Start();
        string rest = await reader.ReadToEndAsync(Cancellation).Soon();
        JsonObject answer = MessageEvents.Replay(MessageEvents.Parse(begin + rest));
        Assert.InRange((int)answer["usage"]!["output_tokens"]!, 1, 4);
        Assert.NotNull(answer["stop_reason"]);
    }

    [Fact]
    public async Task Error_within_a_stream_is_an_event_that_ends_it()
    {
        InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.CommentInterval = TimeSpan.FromMilliseconds(20)
        );
        using HttpResponseMessage response = await app.SendAsync(Path, Question, Cancellation)
            .Soon();
        engine.Dispose();
        string text = await response.Content.ReadAsStringAsync(Cancellation).Soon();
        JsonObject last = MessageEvents.Parse(text)[^1];
        MessageErrorTests.MustBeError(last.ToJsonString(), "failed", "api_error");
    }

    [Fact]
    public async Task Error_within_a_stream_reaches_the_client_as_one()
    {
        InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(
            engine,
            options => options.CommentInterval = TimeSpan.FromMilliseconds(20)
        );
        using var client = new AnthropicClient(
            new ClientOptions
            {
                ApiKey = "none",
                BaseUrl = app.Client.BaseAddress!.ToString().TrimEnd('/'),
                MaxRetries = 0,
            }
        );
        var error = await Assert.ThrowsAnyAsync<AnthropicException>(async () =>
        {
            await foreach (
                RawMessageStreamEvent one in client.Messages.CreateStreaming(
                    new()
                    {
                        Model = "deep",
                        MaxTokens = 4,
                        Messages = [new UserMessageParam { Content = "x" }],
                    },
                    Cancellation
                )
            )
            {
                Assert.True(one.TryPickStart(out _));
                engine.Dispose();
            }
        });
        Assert.Contains("api_error", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 3)]
    [InlineData(true, 3)]
    public async Task Client_that_leaves_frees_all_its_pages(bool streams, int steps)
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await held.ServeAsync(engine);
        using var leaves = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        string words = string.Join(' ', Enumerable.Range(0, 400));
        Task<HttpResponseMessage> request = app.SendAsync(
            Path,
            $$"""{"max_tokens":400,"stream":{{(streams ? "true" : "false")}},"messages":[{"role":"user","content":"{{words}}"}]}""",
            leaves.Token
        );
        Waiting.Until(() => app.Queued == 1);
        for (int i = 0; i < steps; i++)
            Assert.True(engine.Step());
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

    private static async Task MustBeRefusedAsync(
        ServerApp app,
        string body,
        HttpStatusCode status,
        string type
    ) =>
        MessageErrorTests.MustBeError(
            (await app.PostAsync(Path, body, status)).GetRawText(),
            "",
            type
        );
}
