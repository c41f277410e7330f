using System.Text.Json;
using Hadal.Server.Http;

namespace Hadal.Server.Responses;

/// <summary>The numbered events of a response; where it is not streamed they go nowhere.</summary>
/// <param name="stream">Where they go; null for nowhere.</param>
internal sealed class ResponseEvents(ServerSentEvents? stream)
{
    private int _next;

    /// <summary>Adds an event.</summary>
    /// <param name="type">Its type, which is its name too.</param>
    /// <param name="write">Writes its other fields, at once.</param>
    public void Add(string type, Action<Utf8JsonWriter> write)
    {
        if (stream is not null)
            AddTo(stream, type, write);
    }

    /// <summary>Adds an event to another stream than before: that which an error is told in.</summary>
    public void AddTo(ServerSentEvents other, string type, Action<Utf8JsonWriter> write) =>
        other.Add(
            json =>
            {
                json.WriteStartObject();
                json.WriteString("type", type);
                json.WriteNumber("sequence_number", _next++);
                write(json);
                json.WriteEndObject();
            },
            type
        );
}
