namespace Hadal.Tests;

/// <summary>What memory the process takes, in bytes: of objects in use, and of all that is resident.</summary>
internal readonly record struct ProcessSizes(long Managed, long Resident)
{
    public static ProcessSizes Now()
    {
        // Objects with finalizers, and what they hold, are gone with the second collection; pools shrink with more.
        for (int i = 0; i < 4; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        return new(GC.GetTotalMemory(forceFullCollection: false), Environment.WorkingSet);
    }
}
