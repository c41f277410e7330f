using System.Text.Json;

namespace Hadal.Server.Responses;

/// <summary>An item of a response's output, which tells of itself by events. Not thread-safe.</summary>
/// <param name="events">Where to.</param>
/// <param name="index">Its place in the output.</param>
/// <param name="prefix">What its id begins with.</param>
internal abstract class OutputItem(ResponseEvents events, int index, string prefix)
{
    private string _status = "in_progress";

    /// <summary>Its id.</summary>
    public string Id { get; } = $"{prefix}_{Guid.NewGuid():N}";

    /// <summary>Tells that it is there.</summary>
    public virtual void Begin() => AddItem("response.output_item.added");

    /// <summary>Tells that it is finished.</summary>
    /// <param name="isWhole">Whether it is not cut.</param>
    public virtual void End(bool isWhole)
    {
        _status = isWhole ? "completed" : "incomplete";
        AddItem("response.output_item.done");
    }

    /// <summary>Writes it as it is.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id", Id);
        WriteFields(json);
        json.WriteString("status", _status);
        json.WriteEndObject();
    }

    /// <summary>Writes the fields of its kind.</summary>
    protected abstract void WriteFields(Utf8JsonWriter json);

    /// <summary>Adds an event of a part of it.</summary>
    protected void Add(string type, Action<Utf8JsonWriter> write) =>
        events.Add(
            type,
            json =>
            {
                json.WriteString("item_id", Id);
                json.WriteNumber("output_index", index);
                write(json);
            }
        );

    private void AddItem(string type) =>
        events.Add(
            type,
            json =>
            {
                json.WriteNumber("output_index", index);
                json.WritePropertyName("item");
                Write(json);
            }
        );
}
