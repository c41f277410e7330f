using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Hadal.Cli.Batching;

/// <summary>Reads lines of bytes, of which none takes more memory than it may.</summary>
internal static class LineReader
{
    private const byte LineFeed = (byte)'\n';

    /// <param name="stream">Stays the caller's.</param>
    /// <param name="maxBytes">The most bytes of a line; of a longer one the content is left out.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static async IAsyncEnumerable<Line> ReadAsync(
        Stream stream,
        int maxBytes,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        var reader = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        long passed = 0;
        while (true)
        {
            ReadResult read = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            ReadOnlySequence<byte> rest = read.Buffer;
            while (rest.PositionOf(LineFeed) is { } end)
            {
                ReadOnlySequence<byte> content = rest.Slice(0, end);
                yield return Make(content, isEnded: true);
                passed = 0;
                rest = rest.Slice(rest.GetPosition(1, end));
            }
            if (read.IsCompleted)
            {
                if (passed + rest.Length > 0)
                    yield return Make(rest, isEnded: false);
                break;
            }
            if (rest.Length > maxBytes)
            {
                passed += rest.Length;
                rest = rest.Slice(rest.End);
            }
            reader.AdvanceTo(rest.Start, rest.End);
        }
        await reader.CompleteAsync().ConfigureAwait(false);

        Line Make(ReadOnlySequence<byte> content, bool isEnded)
        {
            long length = passed + content.Length;
            return new Line(
                length > maxBytes ? null : content.ToArray(),
                length + (isEnded ? 1 : 0),
                isEnded
            );
        }
    }
}
