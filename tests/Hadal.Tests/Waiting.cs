namespace Hadal.Tests;

/// <summary>Bounds of what must not wait, so that a test which would wait for ever fails.</summary>
internal static class Waiting
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    public static Task Soon(this Task task) => task.WaitAsync(Long);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Long);

    /// <summary>Runs it on a thread of its own, which it may block.</summary>
    public static Task<T> OnThread<T>(Func<T> run) =>
        Task.Factory.StartNew(
            run,
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default
        );

    /// <summary>Waits until a thread waits, and for more than a moment.</summary>
    public static void UntilBlocked(Thread thread)
    {
        Assert.True(SpinWait.SpinUntil(IsBlocked, Long));

        bool IsBlocked()
        {
            if (!thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin))
                return false;
            Thread.Sleep(50);
            return thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin);
        }
    }
}
