using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Hadal.Server;

/// <summary>Healthy while requests are answered.</summary>
internal sealed class HadalHealthCheck(HadalModel model) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context,
        CancellationToken cancellationToken = default
    )
    {
        HadalState state = model.State;
        string description = string.Create(
            CultureInfo.InvariantCulture,
            $"{model.Name}: {state}, {100 * model.Progress:0} % loaded"
        );
        return Task.FromResult(
            new HealthCheckResult(
                state == HadalState.Ready
                    ? HealthStatus.Healthy
                    : context.Registration.FailureStatus,
                description,
                model.Error
            )
        );
    }
}
