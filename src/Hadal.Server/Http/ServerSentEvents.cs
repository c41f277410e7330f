using System.Buffers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Hadal.Server.Http;

/// <summary>
/// A response that is a stream of events. Nothing of them is the response's before they are sent, so that an error before the
/// first can still be a response of its own. One writer at a time.
/// </summary>
/// <param name="response">The response, of which nothing was written.</param>
/// <param name="cancellationToken">Ends the writing.</param>
internal sealed class ServerSentEvents(HttpResponse response, CancellationToken cancellationToken)
{
    private readonly ArrayBufferWriter<byte> _added = new();

    /// <summary>Adds an event of JSON; <see cref="FlushAsync"/> sends it.</summary>
    /// <param name="write">Writes one value.</param>
    /// <param name="name">The event's name; null for none.</param>
    public void Add(Action<Utf8JsonWriter> write, string? name = null)
    {
        if (name is not null)
            AddText($"event: {name}\n");
        AddText("data: ");
        using (var json = new Utf8JsonWriter(_added, JsonReply.Writer))
            write(json);
        AddText("\n\n");
    }

    /// <summary>Adds an event that is a text of one line.</summary>
    public void AddLine(string data) => AddText($"data: {data}\n\n");

    /// <summary>Adds a comment, which readers pass over and which keeps the connection open.</summary>
    public void AddComment(string text) => AddText($": {text}\n\n");

    /// <summary>Sends what was added, if anything was.</summary>
    public async Task FlushAsync()
    {
        if (_added.WrittenCount == 0)
            return;
        Begin();
        await response.BodyWriter.WriteAsync(_added.WrittenMemory, cancellationToken);
        _added.ResetWrittenCount();
    }

    private void Begin()
    {
        if (response.HasStarted)
            return;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        // Proxies such as nginx hold back what they don't know to be a stream.
        response.Headers["X-Accel-Buffering"] = "no";
        response.Headers.XContentTypeOptions = "nosniff";
    }

    private void AddText(string text) => Encoding.UTF8.GetBytes(text, _added);
}
