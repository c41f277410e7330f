using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;

namespace Hadal.Cli.Batching;

/// <summary>A server that listens nowhere: requests are handed to it in the process. Thread-safe once it has started.</summary>
internal sealed class MemoryServer : IServer
{
    private Func<IFeatureCollection, Task>? _process;

    public IFeatureCollection Features { get; } = new FeatureCollection();

    public Task StartAsync<TContext>(
        IHttpApplication<TContext> application,
        CancellationToken cancellationToken
    )
        where TContext : notnull
    {
        _process = features => ProcessAsync(application, features);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Has a request answered.</summary>
    /// <param name="features">The request's, and its response's.</param>
    public Task ProcessAsync(IFeatureCollection features) => _process!(features);

    public void Dispose() { }

    private static async Task ProcessAsync<TContext>(
        IHttpApplication<TContext> application,
        IFeatureCollection features
    )
        where TContext : notnull
    {
        TContext context = application.CreateContext(features);
        Exception? error = null;
        try
        {
            await application.ProcessRequestAsync(context).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            error = e;
            throw;
        }
        finally
        {
            application.DisposeContext(context, error);
        }
    }
}
