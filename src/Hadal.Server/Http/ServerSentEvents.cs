using System.Buffers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Hadal.Server.Http;

/// <summary>A response that is a stream of events. The headers go out with the first of them. One writer at a time.</summary>
/// <param name="response">The response, of which nothing was written.</param>
/// <param name="cancellationToken">Ends the writing.</param>
internal sealed class ServerSentEvents(HttpResponse response, CancellationToken cancellationToken)
{
    private bool _hasNews;

    /// <summary>Adds an event of JSON; <see cref="FlushAsync"/> sends it.</summary>
    /// <param name="write">Writes one value.</param>
    /// <param name="name">The event's name; null for none.</param>
    public void Add(Action<Utf8JsonWriter> write, string? name = null)
    {
        Begin();
        if (name is not null)
            AddText($"event: {name}\n");
        AddText("data: ");
        using (var json = new Utf8JsonWriter(response.BodyWriter, JsonReply.Writer))
            write(json);
        AddText("\n\n");
    }

    /// <summary>Adds an event that is a text of one line.</summary>
    public void AddLine(string data)
    {
        Begin();
        AddText($"data: {data}\n\n");
    }

    /// <summary>Adds a comment, which readers pass over and which keeps the connection open.</summary>
    public void AddComment(string text)
    {
        Begin();
        AddText($": {text}\n\n");
    }

    /// <summary>Sends what was added, if anything was.</summary>
    public async Task FlushAsync()
    {
        if (!_hasNews)
            return;
        _hasNews = false;
        await response.BodyWriter.FlushAsync(cancellationToken);
    }

    private void Begin()
    {
        _hasNews = true;
        if (response.HasStarted)
            return;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        // Proxies such as nginx hold back what they don't know to be a stream.
        response.Headers["X-Accel-Buffering"] = "no";
        response.Headers.XContentTypeOptions = "nosniff";
    }

    private void AddText(string text) => Encoding.UTF8.GetBytes(text, response.BodyWriter);
}
