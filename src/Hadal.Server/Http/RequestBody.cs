using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Hadal.Server.Http;

/// <summary>Reads the JSON of a request.</summary>
internal static class RequestBody
{
    private const int MaxDepth = 64;

    /// <summary>An object, of which every text is Unicode.</summary>
    /// <param name="request">The request.</param>
    /// <param name="options">The most bytes, and the most time that they may take.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="ApiException">It is longer or takes longer, or is no such object.</exception>
    public static async Task<JsonDocument> ReadAsync(
        HttpRequest request,
        HadalOptions options,
        CancellationToken cancellationToken
    )
    {
        byte[] body = await ReadInTimeAsync(request, options, cancellationToken);
        if (!Utf8.IsValid(body))
            throw Bad("is not UTF-8");
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(
                body,
                new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false }
            );
        }
        // The latter: a name with half of a surrogate pair.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Bad($"is not JSON of at most {MaxDepth} levels: {e.Message}", e);
        }
        try
        {
            CheckEscapes(body);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document
                : throw Bad($"is a JSON {document.RootElement.ValueKind}, must be an object");
        }
        catch
        {
            document.Dispose();
            throw;
        }
    }

    private static async Task<byte[]> ReadInTimeAsync(
        HttpRequest request,
        HadalOptions options,
        CancellationToken cancellationToken
    )
    {
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(options.MaxBodyTime);
        try
        {
            return await ReadBytesAsync(request, options.MaxBodyBytes, limited.Token);
        }
        catch (IOException e)
            when (e is not BadHttpRequestException && !cancellationToken.IsCancellationRequested)
        {
            throw new ApiException(
                StatusCodes.Status400BadRequest,
                "The body is not sent as HTTP has it",
                e
            );
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ApiException(
                StatusCodes.Status408RequestTimeout,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The body took more than {options.MaxBodyTime.TotalSeconds:0.###} seconds to come, the most that this server waits"
                )
            );
        }
    }

    private static async Task<byte[]> ReadBytesAsync(
        HttpRequest request,
        int maxBytes,
        CancellationToken cancellationToken
    )
    {
        if (request.ContentLength > maxBytes)
            throw TooLong(maxBytes);
        IHttpMaxRequestBodySizeFeature? server =
            request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>();
        if (server?.IsReadOnly is false)
            server.MaxRequestBodySize = null;
        PipeReader reader = request.BodyReader;
        while (true)
        {
            ReadResult read = await reader.ReadAsync(cancellationToken);
            if (read.Buffer.Length > maxBytes)
            {
                // The server reads on for a while without keeping anything, so that the client sees the response.
                reader.AdvanceTo(read.Buffer.End);
                throw TooLong(maxBytes);
            }
            if (read.IsCompleted)
            {
                byte[] body = read.Buffer.ToArray();
                reader.AdvanceTo(read.Buffer.End);
                return body;
            }
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>Half of a surrogate pair can be written as an escape, and is no text: nothing of it may be lost silently.</summary>
    private static void CheckEscapes(byte[] body)
    {
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = MaxDepth });
        while (reader.Read())
        {
            if (!reader.ValueIsEscaped)
                continue;
            try
            {
                _ = reader.GetString();
            }
            catch (InvalidOperationException e)
            {
                throw Bad(
                    $"has half of a surrogate pair in the text at byte {reader.TokenStartIndex}",
                    e
                );
            }
        }
    }

    private static ApiException Bad(string problem, Exception? inner = null) =>
        new(StatusCodes.Status400BadRequest, $"The body {problem}", inner)
        {
            Code = "invalid_json",
        };

    private static ApiException TooLong(int maxBytes) =>
        new(
            StatusCodes.Status413PayloadTooLarge,
            $"The body has more than {maxBytes} bytes, the most that this server takes"
        );
}
