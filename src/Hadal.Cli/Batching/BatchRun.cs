using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Hadal.Server.Http;
using Microsoft.AspNetCore.Http;

namespace Hadal.Cli.Batching;

/// <summary>Has the lines of a batch answered, as many at once as keep the engine busy.</summary>
internal sealed class BatchRun(OfflineApi api, BatchInput input, BatchOutput output)
{
    private int _answered;
    private int _refused;
    private int _failed;

    /// <summary>Lines that were answered.</summary>
    public int Answered => _answered;

    /// <summary>Lines whose answer is an error.</summary>
    public int Refused => _refused;

    /// <summary>Lines that the engine failed at, which have no answer: another run tries them again.</summary>
    public int Failed => _failed;

    /// <param name="progress">Is told of bytes of the input that are done.</param>
    /// <param name="cancellationToken">Ends it after what is written.</param>
    /// <exception cref="UsageException">The output is of another input.</exception>
    /// <exception cref="HadalException">The engine answers nothing more.</exception>
    /// <exception cref="IOException">The output can't be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task RunAsync(Action<double> progress, CancellationToken cancellationToken)
    {
        var options = new ParallelOptions
        {
            MaxDegreeOfParallelism = api.Concurrency,
            CancellationToken = cancellationToken,
        };
        await Parallel
            .ForEachAsync(
                Missing(progress, cancellationToken),
                options,
                async (request, cancellation) =>
                {
                    OfflineReply reply = await AnswerAsync(request, cancellation)
                        .ConfigureAwait(false);
                    Take(request, reply);
                    progress(request.FileBytes);
                }
            )
            .ConfigureAwait(false);
        output.CheckAllWereMet();
    }

    private async IAsyncEnumerable<BatchRequest> Missing(
        Action<double> progress,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        await foreach (
            BatchRequest request in input.ReadAsync(cancellationToken).ConfigureAwait(false)
        )
        {
            if (output.Has(request))
                progress(request.FileBytes);
            else
                yield return request;
        }
    }

    private void Take(BatchRequest request, OfflineReply reply)
    {
        if (reply.Status >= StatusCodes.Status500InternalServerError)
        {
            Interlocked.Increment(ref _failed);
            return;
        }
        output.Write(request, reply);
        if (reply.Status == StatusCodes.Status200OK)
            Interlocked.Increment(ref _answered);
        else
            Interlocked.Increment(ref _refused);
    }

    private async Task<OfflineReply> AnswerAsync(
        BatchRequest request,
        CancellationToken cancellationToken
    )
    {
        if (request.Error is { } error)
            return new OfflineReply(error.Status, BodyOf(error));
        OfflineReply reply = await api.PostAsync(request.Path, request.Body, cancellationToken)
            .ConfigureAwait(false);
        // It is the engine's state and not the line's fault: another run may have the answer.
        if (
            reply.Status
            is StatusCodes.Status503ServiceUnavailable
                or StatusCodes.Status429TooManyRequests
        )
            throw new HadalException(
                $"line {request.Number} was not answered: {Encoding.UTF8.GetString(reply.Body.Span)}"
            );
        return reply;
    }

    private static ReadOnlyMemory<byte> BodyOf(ApiException error)
    {
        var body = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(body, JsonReply.Writer))
            ApiErrors.Write(json, error);
        return body.WrittenMemory;
    }
}
