using System.Net;
using System.Net.Http.Headers;

namespace Hadal.Cli.Hub;

/// <summary>An answer whose body is read while it comes. A broken connection is a <see cref="TransferException"/>.</summary>
internal sealed class HubResponse(
    HttpResponseMessage message,
    Stream body,
    string subject,
    TimeSpan patience
) : IDisposable
{
    /// <summary>Whether the server sends a range, and not the whole.</summary>
    public bool IsPartial => message.StatusCode == HttpStatusCode.PartialContent;

    /// <summary>The range that the server says it sends.</summary>
    public ContentRangeHeaderValue? Range => message.Content.Headers.ContentRange;

    /// <summary>The bytes that the server says are to come.</summary>
    public long? Length => message.Content.Headers.ContentLength;

    /// <returns>Bytes read; 0 at the end.</returns>
    /// <exception cref="TransferException">The connection broke, or nothing came for long.</exception>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(patience);
        try
        {
            return await body.ReadAsync(buffer, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TransferException(
                $"{subject}: the server sent nothing for {patience.TotalSeconds} s",
                e
            );
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw new TransferException($"{subject}: the connection broke: {e.Message}", e);
        }
    }

    public void Dispose()
    {
        body.Dispose();
        message.Dispose();
    }
}
