using System.Diagnostics;
using Hadal.Bindings;

namespace Hadal.Tensors;

/// <summary>Adds up how long the calls of each operation take. Not thread-safe.</summary>
internal sealed class OpClock
{
    private readonly long[] _ticks = new long[(int)hd_op.HD_OP_COUNT];

    /// <summary>The operations that were called, the one that took longest first.</summary>
    public IReadOnlyList<OpTime> Times =>
        [
            .. _ticks
                .Select(
                    (ticks, op) => new OpTime(Name((hd_op)op), Stopwatch.GetElapsedTime(0, ticks))
                )
                .Where(time => time.Time > TimeSpan.Zero)
                .OrderByDescending(time => time.Time),
        ];

    public void Add(hd_op op, long ticks) => _ticks[(int)op] += ticks;

    private static string Name(hd_op op) => op.ToString()["HD_OP_".Length..].ToLowerInvariant();
}
