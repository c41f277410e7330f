using Microsoft.Extensions.Hosting;

namespace Hadal.Cli.Serving;

/// <summary>Handles no signal: who runs the application tells it to stop.</summary>
internal sealed class TokenLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
