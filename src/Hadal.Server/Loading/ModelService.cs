using Hadal.Model;
using Hadal.Server.Http;
using Hadal.Server.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Hadal.Server.Loading;

/// <summary>
/// Loads the model while the application is up, lets running answers end when it stops, and gives the model back.
/// </summary>
internal sealed class ModelService(
    HadalModel model,
    ModelSource source,
    RequestGate gate,
    ServerMetrics metrics,
    IOptions<HadalOptions> options,
    ILogger<ModelService> logger
) : IHostedLifecycleService, IProgress<LoadProgress>, IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private Task _loading = Task.CompletedTask;
    private LoadedModel? _loaded;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _loading = Task.Factory.StartNew(
            Load,
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default
        );
        return Task.CompletedTask;
    }

    // Before anything stops: the endpoints still answer, so that a router sees that the model is not ready.
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        model.Drain();
        await gate.DrainAsync(options.Value.DrainTime, cancellationToken);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _loading;
        _loaded?.Dispose();
        _loaded = null;
    }

    // Where the application was not stopped before.
    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None);
        _stopping.Dispose();
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Report(LoadProgress value) => model.Report(value);

    private void Load()
    {
        try
        {
            _loaded = source.Load(options.Value, this, _stopping.Token);
            metrics.Listen(_loaded.Chat.Engine);
            model.Complete(_loaded);
            ServerLog.ModelReady(logger, model.Name);
        }
        catch (Exception e)
        {
            model.Fail(e);
            if (e is not OperationCanceledException)
                ServerLog.ModelFailed(logger, model.Name, e);
        }
    }
}
