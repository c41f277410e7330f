using System.Text.Json;

namespace Hadal.Server.Responses;

/// <summary>What the model thought. There is no summary of it.</summary>
/// <param name="events">Where it tells of itself.</param>
/// <param name="index">Its place in the output.</param>
internal sealed class ReasoningItem(ResponseEvents events, int index)
    : TextItem(events, index, "rs", "reasoning_text")
{
    protected override void WriteFields(Utf8JsonWriter json)
    {
        json.WriteString("type", "reasoning");
        json.WriteStartArray("summary");
        json.WriteEndArray();
        WriteContent(json);
        json.WriteNull("encrypted_content");
    }
}
