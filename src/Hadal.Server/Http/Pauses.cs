using System.Runtime.CompilerServices;

namespace Hadal.Server.Http;

/// <summary>Streams that tell when nothing comes.</summary>
internal static class Pauses
{
    /// <summary>The items as they come, and false each time that none came for so long.</summary>
    /// <param name="items">The items; where reading ends early they are disposed, which gives their request up.</param>
    /// <param name="interval">How long.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static async IAsyncEnumerable<(bool Came, T Item)> WithPauses<T>(
        this IAsyncEnumerable<T> items,
        TimeSpan interval,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await using IAsyncEnumerator<T> reader = items.GetAsyncEnumerator(ended.Token);
        Task<bool> next = Task.FromResult(false);
        try
        {
            while (true)
            {
                next = reader.MoveNextAsync().AsTask();
                while (!await EndsWithin(next, interval))
                    yield return (false, default!);
                if (!await next)
                    yield break;
                yield return (true, reader.Current);
            }
        }
        finally
        {
            // A reader that is waited for can't be disposed.
            await ended.CancelAsync();
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task<bool> EndsWithin(Task task, TimeSpan time)
    {
        try
        {
            await task.WaitAsync(time);
        }
        catch (Exception) when (task.IsCompleted) { }
        catch (TimeoutException)
        {
            return false;
        }
        return true;
    }
}
