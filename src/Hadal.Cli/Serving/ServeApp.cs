using System.Net;
using Hadal.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Hadal.Cli.Serving;

/// <summary>The application of <c>hadal serve</c>.</summary>
internal static class ServeApp
{
    /// <summary>Serves until it is told to stop, and running answers have ended.</summary>
    /// <param name="terminal">Where it tells its address.</param>
    /// <param name="endpoint">Where it listens.</param>
    /// <param name="isOpen">Whether it may be reached from other machines without a key.</param>
    /// <param name="configure">What the command line says.</param>
    /// <param name="cancellationToken">Tells it to stop.</param>
    /// <exception cref="UsageException">It may not or can't be so.</exception>
    /// <exception cref="HadalException">The model could not be loaded.</exception>
    public static async Task RunAsync(
        Terminal terminal,
        IPEndPoint endpoint,
        bool isOpen,
        Action<HadalOptions> configure,
        CancellationToken cancellationToken
    )
    {
        WebApplication app;
        HadalOptions options;
        try
        {
            app = Build(endpoint, configure);
            options = app.Services.GetRequiredService<IOptions<HadalOptions>>().Value;
        }
        catch (OptionsValidationException e)
        {
            throw new UsageException(string.Join("; ", e.Failures));
        }
        await using (app.ConfigureAwait(false))
        {
            HadalModel model = app.Services.GetRequiredService<HadalModel>();
            bool hasKeys = options.ApiKey is not null || options.ApiKeysFile is not null;
            if (!IPAddress.IsLoopback(endpoint.Address) && !hasKeys && !isOpen)
                throw new UsageException(
                    $"--host {endpoint.Address} can be reached from other machines: give a key with HADAL_API_KEY or --api-key, keys with --api-keys, or --no-auth to answer everybody"
                );
            try
            {
                await app.StartAsync(cancellationToken).ConfigureAwait(false);
                await terminal
                    .Error.WriteLineAsync($"{model.Name} at {app.Urls.First()}, being loaded")
                    .ConfigureAwait(false);
                await model.WaitUntilLoadedAsync(cancellationToken).ConfigureAwait(false);
                await terminal.Error.WriteLineAsync("ready").ConfigureAwait(false);
                await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested) { }
            finally
            {
                await app.StopAsync(CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    private static WebApplication Build(IPEndPoint endpoint, Action<HadalOptions> configure)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(server =>
        {
            server.AddServerHeader = false;
            server.Listen(endpoint);
        });
        builder.UseErrorStream();
        builder.Services.AddHadal(options =>
        {
            configure(options);
            if (!IPAddress.IsLoopback(endpoint.Address) || options.AllowedHosts.Count > 0)
                return;
            // A page's own name that points here must not be taken for this machine's.
            string own = new UriBuilder { Host = $"{endpoint.Address}" }
                .Uri
                .Host;
            foreach (string host in (string[])["localhost", "127.0.0.1", "[::1]", own])
                options.AllowedHosts.Add(host);
        });
        builder.Services.AddCors();
        builder
            .Services.AddOptions<CorsOptions>()
            .Configure<IOptions<HadalOptions>>(
                static (cors, options) =>
                    cors.AddDefaultPolicy(policy =>
                        policy
                            .WithOrigins([.. options.Value.AllowedOrigins])
                            .AllowAnyHeader()
                            .AllowAnyMethod()
                    )
            );
        WebApplication app = builder.Build();
        app.UseCors();
        app.MapHadal();
        return app;
    }
}
