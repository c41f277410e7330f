using System.Net;
using System.Text.Json;
using Hadal.Inference;
using Hadal.Server.Http;
using Hadal.Tests.Inference;
using Microsoft.Extensions.DependencyInjection;

namespace Hadal.Tests.Server.Responses;

/// <summary>Waiting, leaving and stopping at <c>/v1/responses</c>.</summary>
public sealed class ResponsesLifeTests(HeldEngine held) : IClassFixture<HeldEngine>
{
    private const string Question =
        """{"input":"x","max_output_tokens":4,"ignore_eos":true,"stream":true,"tools":[{"type":"function","name":"f"}],"metadata":{"a":"b"}}""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stream_that_waits_begins_and_has_comments()
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await ServeAsync(engine);
        using HttpResponseMessage response = await SendAsync(app).Soon();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Cancellation));
        string begin = "";
        while (!begin.EndsWith(": waiting\n", StringComparison.Ordinal))
            begin += await reader.ReadLineAsync(Cancellation).AsTask().Soon() + "\n";
        engine.Start();
        string text = begin + await reader.ReadToEndAsync(Cancellation).Soon();
        JsonElement final = ResponseStream.Final(ResponseStream.Parse(text));
        Assert.Equal(1, final.GetProperty("output").GetArrayLength());
        Assert.Contains(
            "finished_reason=\"length\"} 1",
            await app.Client.GetStringAsync("/metrics", Cancellation)
        );
    }

    [Fact]
    public async Task Error_within_a_stream_is_a_failed_response()
    {
        InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await ServeAsync(engine);
        using HttpResponseMessage response = await SendAsync(app).Soon();
        engine.Step();
        engine.Dispose();
        await MustFailAsync(response, "server_error");
    }

    [Fact]
    public async Task Server_that_stops_fails_a_stream_that_waits()
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await ServeAsync(engine);
        using HttpResponseMessage response = await SendAsync(app).Soon();
        Task stop = app.StopAsync();
        await MustFailAsync(response, "server_stopping");
        await stop.Soon();
    }

    [Fact]
    public async Task Client_that_leaves_frees_all_its_pages()
    {
        using InferenceEngine engine = held.NewEngine();
        await using ServerApp app = await ServeAsync(engine);
        using (HttpResponseMessage response = await SendAsync(app).Soon())
        {
            Assert.True(engine.Step());
            Assert.NotEqual(0, engine.Cache.Statistics.ReferencedPages);
        }
        RequestGate gate = app.Services.GetRequiredService<RequestGate>();
        Waiting.Until(() => gate.Count == 0);
        engine.Step();
        engine.MustBeUnused();
        Assert.Contains(
            "finished_reason=\"abort\"} 1",
            await app.Client.GetStringAsync("/metrics", Cancellation)
        );
    }

    private Task<ServerApp> ServeAsync(InferenceEngine engine) =>
        held.ServeAsync(engine, options => options.CommentInterval = TimeSpan.FromMilliseconds(20));

    private static Task<HttpResponseMessage> SendAsync(ServerApp app) =>
        app.SendAsync(ResponseStream.Path, Question, Cancellation);

    private static async Task MustFailAsync(HttpResponseMessage response, string code)
    {
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        List<JsonElement> events = ResponseStream.Parse(
            await response.Content.ReadAsStringAsync(Cancellation).Soon()
        );
        JsonElement final = ResponseStream.Final(events);
        Assert.Equal("failed", final.Text("status"));
        Assert.Equal(code, final.GetProperty("error").Text("code"));
        Assert.NotEqual("", final.GetProperty("error").Text("message"));
        // What it repeats of the request is still there.
        Assert.Equal("b", final.GetProperty("metadata").Text("a"));
        Assert.Equal(1, final.GetProperty("tools").GetArrayLength());
    }
}
