namespace Hadal.Tests;

internal static class Allocations
{
    /// <summary>
    /// The least that one of two rounds allocates on the managed heap, in bytes on this thread. What allocates does so in
    /// each; a collection or a compilation that falls into one round may be charged to that one.
    /// </summary>
    public static long Of(Action round) => Math.Min(Once(round), Once(round));

    private static long Once(Action round)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        round();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
