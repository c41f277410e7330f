using Hadal.Server.Metrics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Hadal.Server.Http;

/// <summary>What endpoints work with.</summary>
internal sealed class ApiServices(
    HadalModel model,
    RequestGate gate,
    ServerMetrics metrics,
    IOptions<HadalOptions> options,
    ILogger<ApiServices> logger
)
{
    public HadalModel Model => model;

    public RequestGate Gate => gate;

    public ServerMetrics Metrics => metrics;

    public HadalOptions Options { get; } = options.Value;

    public RequestChecks Checks { get; } = new(options.Value);

    /// <summary>Logs an error that is the server's.</summary>
    public void LogFailed(string path, Exception error) =>
        ServerLog.RequestFailed(logger, path, error);
}
