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
        response.StatusCode = status;
        response.ContentType = "application/json; charset=utf-8";
        response.Headers.XContentTypeOptions = "nosniff";
        using (var json = new Utf8JsonWriter(response.BodyWriter, Writer))
            write(json);
        await response.BodyWriter.FlushAsync(cancellationToken);
    }
}
