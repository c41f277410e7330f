using System.Runtime.InteropServices;
using Hadal.Cli.Serving;
using Hadal.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Hadal.Cli.Batching;

/// <summary>The server's API without a network: the same endpoints, asked in the process. Thread-safe.</summary>
internal sealed class OfflineApi : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly MemoryServer _server;

    private OfflineApi(WebApplication app, MemoryServer server)
    {
        _app = app;
        _server = server;
    }

    /// <summary>Requests that keep every place of the engine busy, and have the next ones wait.</summary>
    public int Concurrency { get; private init; }

    /// <summary>The most bytes of a body.</summary>
    public int MaxBodyBytes { get; private init; }

    public IServiceProvider Services => _app.Services;

    /// <summary>Loads the model.</summary>
    /// <param name="configure">What the command line says.</param>
    /// <param name="addServices">Adds to the application's services; null for nothing.</param>
    /// <param name="cancellationToken">Ends the loading.</param>
    /// <exception cref="UsageException">An option can't be.</exception>
    /// <exception cref="HadalException">The model could not be loaded.</exception>
    public static async Task<OfflineApi> StartAsync(
        Action<HadalOptions> configure,
        Action<IServiceCollection>? addServices,
        CancellationToken cancellationToken
    )
    {
        var server = new MemoryServer();
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.UseErrorStream();
        builder.Logging.AddFilter("Hadal", LogLevel.Warning);
        // The endpoints tell its errors too.
        builder.Logging.AddFilter("Hadal.Inference", LogLevel.None);
        builder.Services.AddSingleton<IServer>(server);
        addServices?.Invoke(builder.Services);
        builder.Services.AddHadal(options =>
        {
            configure(options);
            options.MaxQueuedRequests = 2 * options.MaxConcurrentRequests;
            // Nobody else can ask.
            options.ApiKey = null;
            options.ApiKeysFile = null;
            options.AllowedHosts.Clear();
        });
        WebApplication app = Build(builder);
        try
        {
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
            HadalOptions options = app.Services.GetRequiredService<IOptions<HadalOptions>>().Value;
            await app
                .Services.GetRequiredService<HadalModel>()
                .WaitUntilLoadedAsync(cancellationToken)
                .ConfigureAwait(false);
            return new OfflineApi(app, server)
            {
                Concurrency = 2 * options.MaxConcurrentRequests,
                MaxBodyBytes = options.MaxBodyBytes,
            };
        }
        catch
        {
            await app.StopAsync(CancellationToken.None).ConfigureAwait(false);
            await app.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Has a request answered.</summary>
    /// <param name="path">The endpoint.</param>
    /// <param name="body">The body, JSON.</param>
    /// <param name="cancellationToken">Gives the request up.</param>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async Task<OfflineReply> PostAsync(
        string path,
        ReadOnlyMemory<byte> body,
        CancellationToken cancellationToken
    )
    {
        var http = new DefaultHttpContext { RequestAborted = cancellationToken };
        HttpRequest request = http.Request;
        request.Protocol = HttpProtocol.Http11;
        request.Scheme = Uri.UriSchemeHttp;
        request.Method = HttpMethods.Post;
        request.Host = new HostString("localhost");
        request.Path = path;
        request.ContentType = "application/json";
        request.ContentLength = body.Length;
        request.Body = MemoryMarshal.TryGetArray(body, out ArraySegment<byte> bytes)
            ? new MemoryStream(bytes.Array!, bytes.Offset, bytes.Count, writable: false)
            : throw new ArgumentException("must be of an array", nameof(body));
        using var response = new MemoryStream();
        http.Response.Body = response;
        await _server.ProcessAsync(http.Features).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return new OfflineReply(http.Response.StatusCode, response.ToArray());
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(CancellationToken.None).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    private static WebApplication Build(WebApplicationBuilder builder)
    {
        try
        {
            WebApplication app = builder.Build();
            app.MapHadal();
            return app;
        }
        catch (OptionsValidationException e)
        {
            throw new UsageException(string.Join("; ", e.Failures));
        }
    }
}
