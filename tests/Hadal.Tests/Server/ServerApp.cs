using System.Net;
using System.Text;
using System.Text.Json;
using Hadal.Answering;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Server;
using Hadal.Server.Http;
using Hadal.Server.Loading;
using Hadal.Server.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hadal.Tests.Server;

/// <summary>An application that serves a model on a free port, and a client of it.</summary>
internal sealed class ServerApp : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ServerApp(WebApplication app)
    {
        _app = app;
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
    }

    public HttpClient Client { get; }

    public IServiceProvider Services => _app.Services;

    public HadalModel Model => _app.Services.GetRequiredService<HadalModel>();

    public InferenceEngine Engine => Model.Chat.Engine;

    public RequestGate Gate => _app.Services.GetRequiredService<RequestGate>();

    /// <summary>Requests in the engine's queue, as the metrics tell it.</summary>
    public int Queued
    {
        get
        {
            const string name = "vllm:num_requests_waiting{model_name=\"deep\"} ";
            string metrics = _app.Services.GetRequiredService<ServerMetrics>().Write();
            int at = metrics.IndexOf(name, StringComparison.Ordinal) + name.Length;
            return int.Parse(metrics[at..metrics.IndexOf('\n', at)]);
        }
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Serves an engine, which stays the caller's.</summary>
    public static async Task<ServerApp> StartAsync(
        string folder,
        InferenceEngine engine,
        Action<HadalOptions>? configure = null,
        Action<IEndpointConventionBuilder>? map = null
    )
    {
        ServerApp app = await StartAsync(
            folder,
            _ => new LoadedModel(new ChatEngine(engine), new SamplingOptions()),
            configure,
            map
        );
        await app.Model.WaitUntilLoadedAsync(Cancellation);
        return app;
    }

    /// <param name="folder">The checkpoint's.</param>
    /// <param name="load">Loads the model; null as applications do.</param>
    /// <param name="configure">Changes the options.</param>
    /// <param name="map">Changes the endpoints.</param>
    public static async Task<ServerApp> StartAsync(
        string folder,
        Func<CancellationToken, LoadedModel>? load = null,
        Action<HadalOptions>? configure = null,
        Action<IEndpointConventionBuilder>? map = null
    )
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        if (load is not null)
            builder.Services.AddSingleton<ModelSource>(new Source(load));
        builder.Services.AddHadal(options =>
        {
            options.Model = folder;
            options.ModelName = "deep";
            // A test that fails leaves requests that nobody ends.
            options.DrainTime = TimeSpan.FromSeconds(1);
            configure?.Invoke(options);
        });
        WebApplication app = builder.Build();
        IEndpointConventionBuilder endpoints = app.MapHadal();
        map?.Invoke(endpoints);
        await app.StartAsync(Cancellation);
        var server = new ServerApp(app);
        if (load is null)
            await server.Model.WaitUntilLoadedAsync(Cancellation);
        return server;
    }

    public Task StopAsync() => _app.StopAsync(Cancellation);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }

    /// <summary>Sends a body of JSON.</summary>
    public Task<HttpResponseMessage> SendAsync(
        string path,
        string body,
        CancellationToken cancellationToken = default
    ) =>
        Client.SendAsync(
            new HttpRequestMessage(HttpMethod.Post, path)
            {
                Content = new StringContent(body, Encoding.UTF8, "application/json"),
            },
            HttpCompletionOption.ResponseHeadersRead,
            cancellationToken
        );

    /// <summary>Lets the client of a request go away, whether its answer has begun or not.</summary>
    /// <param name="request">The request.</param>
    /// <param name="leaves">What it can be cancelled by.</param>
    public static async Task LeaveAsync(
        Task<HttpResponseMessage> request,
        CancellationTokenSource leaves
    )
    {
        await leaves.CancelAsync();
        try
        {
            (await request).Dispose();
        }
        catch (OperationCanceledException) { }
    }

    /// <summary>The JSON of an answer, which must have a status.</summary>
    public async Task<JsonElement> PostAsync(
        string path,
        string body,
        HttpStatusCode status = HttpStatusCode.OK
    )
    {
        using HttpResponseMessage response = await SendAsync(path, body, Cancellation);
        string text = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(status == response.StatusCode, $"{response.StatusCode}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>The error of a request that is refused.</summary>
    public async Task<JsonElement> RefusalAsync(
        string path,
        string body,
        HttpStatusCode status = HttpStatusCode.BadRequest
    ) => (await PostAsync(path, body, status)).GetProperty("error");

    public async Task<(HttpStatusCode Status, JsonElement Body)> GetAsync(string path)
    {
        using HttpResponseMessage response = await Client.GetAsync(path, Cancellation);
        string text = await response.Content.ReadAsStringAsync(Cancellation);
        return (response.StatusCode, JsonDocument.Parse(text).RootElement);
    }

    /// <summary>The chunks of a stream, which must end as it has to; comments are left out.</summary>
    public async Task<List<JsonElement>> StreamAsync(string path, string body)
    {
        using HttpResponseMessage response = await SendAsync(path, body, Cancellation);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        string[] events = (await response.Content.ReadAsStringAsync(Cancellation)).Split(
            "\n\n",
            StringSplitOptions.RemoveEmptyEntries
        );
        const string data = "data: ";
        string[] lines = [.. events.Where(line => !line.StartsWith(':'))];
        Assert.All(lines, line => Assert.StartsWith(data, line, StringComparison.Ordinal));
        Assert.Equal("data: [DONE]", lines[^1]);
        return [.. lines[..^1].Select(line => JsonDocument.Parse(line[data.Length..]).RootElement)];
    }

    internal sealed class Source(Func<CancellationToken, LoadedModel> load)
        : ModelSource(NullLoggerFactory.Instance)
    {
        public override LoadedModel Load(
            HadalOptions options,
            IProgress<LoadProgress> progress,
            CancellationToken cancellationToken
        ) => load(cancellationToken);
    }
}
