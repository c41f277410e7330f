using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Hadal.Server.Http;

/// <summary>Responses of JSON.</summary>
internal static class JsonReply
{
    /// <summary>No page has this JSON in it, so texts may stay readable.</summary>
    public static JsonWriterOptions Writer { get; } =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a whole response.</summary>
    /// <param name="response">The response, of which nothing was written.</param>
    /// <param name="status">Its status.</param>
    /// <param name="write">Writes one value.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    public static async Task WriteAsync(
        HttpResponse response,
        int status,
        Action<Utf8JsonWriter> write,
        CancellationToken cancellationToken
    )
    {
        // Nothing of it is sent where the writing fails.
        var body = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(body, Writer))
            write(json);
        response.StatusCode = status;
        response.ContentType = "application/json; charset=utf-8";
        response.Headers.XContentTypeOptions = "nosniff";
        response.ContentLength = body.WrittenCount;
        await response.BodyWriter.WriteAsync(body.WrittenMemory, cancellationToken);
    }
}
