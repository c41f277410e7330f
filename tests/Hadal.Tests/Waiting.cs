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

    /// <summary>Waits until something holds that is about to.</summary>
    public static void Until(Func<bool> holds) => Assert.True(SpinWait.SpinUntil(holds, Long));
}
