using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Hadal.Server.Http;

/// <summary>Streams that are read as one.</summary>
internal static class Merging
{
    /// <summary>The items of all as they come, each with the index of its stream. The first error ends it.</summary>
    /// <param name="streams">The streams; where reading ends early all are disposed, which gives their requests up.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static async IAsyncEnumerable<(int Stream, T Item)> Merged<T>(
        this IReadOnlyList<IAsyncEnumerable<T>> streams,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var items = Channel.CreateUnbounded<(int, T)>();
        Task reading = ReadAllAsync(streams, items.Writer, ended.Token);
        try
        {
            await foreach ((int, T) item in items.Reader.ReadAllAsync(CancellationToken.None))
                yield return item;
        }
        finally
        {
            await ended.CancelAsync();
            await reading;
        }
    }

    private static async Task ReadAllAsync<T>(
        IReadOnlyList<IAsyncEnumerable<T>> streams,
        ChannelWriter<(int, T)> items,
        CancellationToken cancellationToken
    )
    {
        await Task.WhenAll(streams.Select(ReadAsync));
        items.TryComplete();

        async Task ReadAsync(IAsyncEnumerable<T> stream, int index)
        {
            try
            {
                await foreach (T item in stream.WithCancellation(cancellationToken))
                    items.TryWrite((index, item));
            }
            catch (Exception e)
            {
                items.TryComplete(e);
            }
        }
    }
}
