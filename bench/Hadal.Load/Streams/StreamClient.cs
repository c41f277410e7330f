using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Net.Sockets;
using System.Text.Json;
using Hadal.Load.Plans;
using Hadal.Load.Running;

namespace Hadal.Load.Streams;

/// <summary>Sends requests and reads their streams. Thread-safe.</summary>
internal sealed class StreamClient : IDisposable
{
    private const string Done = "[DONE]";

    private readonly LoadPlan _plan;
    private readonly HttpClient _keeping;
    private readonly HttpClient _resetting;

    public StreamClient(LoadPlan plan)
    {
        _plan = plan;
        _keeping = Create(resets: false);
        _resetting = Create(resets: true);
    }

    /// <param name="body">The request's body.</param>
    /// <param name="leaving">How the client leaves.</param>
    /// <param name="afterTime">When it disconnects.</param>
    /// <param name="afterChunks">After how many chunks it cancels.</param>
    /// <param name="reading">Takes the answer.</param>
    /// <param name="cancellationToken">Ends it, which is an error.</param>
    public async Task<StreamResult> SendAsync(
        byte[] body,
        Leaving leaving,
        TimeSpan afterTime,
        int afterChunks,
        AnswerReading reading,
        CancellationToken cancellationToken
    )
    {
        using var leaves = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (leaving == Leaving.Disconnects)
            leaves.CancelAfter(afterTime);
        try
        {
            HttpClient client = leaving == Leaving.Disconnects ? _resetting : _keeping;
            using HttpResponseMessage response = await SendAsync(client, body, leaves.Token)
                .ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK)
                return await RefusalAsync(response, reading, leaves.Token).ConfigureAwait(false);
            int most = leaving == Leaving.Cancels ? afterChunks : int.MaxValue;
            return await ReadAsync(response, most, reading, leaves.Token).ConfigureAwait(false);
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (Exception) when (leaves.IsCancellationRequested)
        {
            return reading.End(StreamOutcome.Disconnected);
        }
        catch (Exception e) when (e is IOException or HttpRequestException or JsonException)
        {
            // What went wrong is often told by the inner one alone.
            string inner =
                e.GetBaseException() is { } first && first != e ? $" {first.Message}" : "";
            return reading.End(StreamOutcome.Broken, e.Message + inner);
        }
    }

    public void Dispose()
    {
        _keeping.Dispose();
        _resetting.Dispose();
    }

    private async Task<HttpResponseMessage> SendAsync(
        HttpClient client,
        byte[] body,
        CancellationToken cancellationToken
    )
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _plan.Path)
        {
            Content = new ByteArrayContent(body),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return await client
            .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken)
            .ConfigureAwait(false);
    }

    private static async Task<StreamResult> ReadAsync(
        HttpResponseMessage response,
        int mostChunks,
        AnswerReading reading,
        CancellationToken cancellationToken
    )
    {
        Stream stream = await response
            .Content.ReadAsStreamAsync(cancellationToken)
            .ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            StreamResult? whole = null;
            // Null stands for the end.
            var events = SseParser.Create(stream, static (_, data) => Parse(data));
            await foreach (
                SseItem<StreamChunk?> item in events
                    .EnumerateAsync(cancellationToken)
                    .ConfigureAwait(false)
            )
            {
                if (item.Data is not { } chunk)
                {
                    whole = reading.End(StreamOutcome.Ok);
                    // A connection is used again where its stream was read to the end.
                    continue;
                }
                if (chunk.Error is { } error)
                    return reading.End(StreamOutcome.ErrorEvent, error.Message ?? "no message");
                reading.Take(chunk);
                if (reading.Chunks >= mostChunks)
                    return reading.End(StreamOutcome.Cancelled);
            }
            return whole ?? reading.End(StreamOutcome.Broken, $"The stream ended without {Done}");
        }
    }

    private static StreamChunk? Parse(ReadOnlySpan<byte> data) =>
        data.SequenceEqual("[DONE]"u8)
            ? null
            : JsonSerializer.Deserialize(data, StreamJson.Default.StreamChunk)
                ?? throw new HttpRequestException("An event of the stream is null");

    private static async Task<StreamResult> RefusalAsync(
        HttpResponseMessage response,
        AnswerReading reading,
        CancellationToken cancellationToken
    )
    {
        StreamOutcome outcome = response.StatusCode switch
        {
            HttpStatusCode.TooManyRequests => StreamOutcome.QueueFull,
            HttpStatusCode.ServiceUnavailable => StreamOutcome.Unavailable,
            _ => StreamOutcome.Refused,
        };
        byte[] body = await response
            .Content.ReadAsByteArrayAsync(cancellationToken)
            .ConfigureAwait(false);
        string status = $"{(int)response.StatusCode}";
        try
        {
            return reading.End(outcome, $"{status}: {Parse(body)?.Error?.Message}");
        }
        catch (JsonException)
        {
            return reading.End(outcome, $"{status}, without an error as JSON");
        }
    }

    private HttpClient Create(bool resets)
    {
        var handler = new SocketsHttpHandler
        {
            MaxConnectionsPerServer = int.MaxValue,
            PooledConnectionLifetime = _plan.ReusesConnections
                ? Timeout.InfiniteTimeSpan
                : TimeSpan.Zero,
            UseProxy = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
            // What is given up is not read to its end.
            MaxResponseDrainSize = 0,
            ConnectCallback = (context, cancellation) =>
                ConnectAsync(context, resets, cancellation),
        };
        var client = new HttpClient(handler)
        {
            BaseAddress = _plan.Server,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        if (_plan.ApiKey is { } key)
            client.DefaultRequestHeaders.Authorization = new("Bearer", key);
        return client;
    }

    private static async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context,
        bool resets,
        CancellationToken cancellationToken
    )
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (resets)
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
