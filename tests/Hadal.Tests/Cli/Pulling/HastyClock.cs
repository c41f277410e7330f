using System.Collections.Concurrent;

namespace Hadal.Tests.Cli.Pulling;

/// <summary>Keeps the waits that it is asked for, and lets none last.</summary>
internal sealed class HastyClock : TimeProvider
{
    private readonly ConcurrentQueue<TimeSpan> _waits = [];

    public IEnumerable<double> Seconds => _waits.Select(wait => wait.TotalSeconds);

    public override DateTimeOffset GetUtcNow() => new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override ITimer CreateTimer(
        TimerCallback callback,
        object? state,
        TimeSpan dueTime,
        TimeSpan period
    )
    {
        _waits.Enqueue(dueTime);
        return System.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}
