using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Hadal.Tests.Load;

/// <summary>A server of completions that answers as a test says.</summary>
internal sealed class StubServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _requests;

    private StubServer(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.First());

    /// <param name="answer">Answers a request, of which it gets the number, from 0.</param>
    public static async Task<StubServer> StartAsync(Func<int, HttpContext, Task> answer)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var server = new StubServer(builder.Build());
        server._app.MapPost(
            "/v1/completions",
            http => answer(Interlocked.Increment(ref server._requests) - 1, http)
        );
        await server._app.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    /// <summary>Events of a stream, as they stand.</summary>
    public static Task StreamAsync(HttpContext http, params string[] events)
    {
        http.Response.ContentType = "text/event-stream";
        return http.Response.WriteAsync(string.Concat(events.Select(e => $"data: {e}\n\n")));
    }

    /// <summary>An answer that is whole.</summary>
    public static Task AnswerAsync(HttpContext http, string first, string second) =>
        StreamAsync(
            http,
            $$"""{"choices":[{"index":0,"text":"{{first}}","finish_reason":null}],"usage":null}""",
            $$"""{"choices":[{"index":0,"text":"{{second}}","finish_reason":"length"}]}""",
            """{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":7}}""",
            "[DONE]"
        );

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
