using Hadal.Generation;

namespace Hadal.Server.Metrics;

/// <summary>Counts a request when it ends: as given up where nothing else was said.</summary>
/// <param name="metrics">Where to.</param>
/// <param name="usage">Tells what it took.</param>
internal sealed class RequestRecord(ServerMetrics metrics, Func<GenerationUsage> usage)
    : IDisposable
{
    private IReadOnlyList<string> _finishReasons = [];

    /// <summary>All answers ended.</summary>
    /// <param name="finishReasons">Why, of each.</param>
    public void Complete(IEnumerable<string> finishReasons) => _finishReasons = [.. finishReasons];

    public void Dispose() => metrics.End(usage(), _finishReasons);
}
