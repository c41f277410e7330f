using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Hadal.Tests.Grammars;

/// <summary>Writes JSON values as grammars have them.</summary>
internal static class CompactText
{
    private static readonly JsonWriterOptions s_options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = 2000,
    };

    /// <summary>The names that a schema declares or requires, anywhere in it, in their order.</summary>
    public static List<string> Names(JsonElement schema)
    {
        var names = new List<string>();
        Collect(schema);
        return [.. names.Distinct()];

        void Collect(JsonElement value)
        {
            if (value.ValueKind == JsonValueKind.Array)
            {
                foreach (JsonElement element in value.EnumerateArray())
                    Collect(element);
            }
            if (value.ValueKind != JsonValueKind.Object)
                return;
            if (
                value.TryGetProperty("properties", out JsonElement properties)
                && properties.ValueKind == JsonValueKind.Object
            )
                names.AddRange(properties.EnumerateObject().Select(member => member.Name));
            if (
                value.TryGetProperty("required", out JsonElement required)
                && required.ValueKind == JsonValueKind.Array
            )
                names.AddRange(required.EnumerateArray().Select(name => name.ToString()));
            foreach (JsonProperty member in value.EnumerateObject())
                Collect(member.Value);
        }
    }

    /// <summary>The value without white space, members in an order of names, those that it lacks last.</summary>
    public static byte[] Write(JsonElement value, List<string> names)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes, s_options))
            Write(writer, value);
        return bytes.WrittenSpan.ToArray();

        void Write(Utf8JsonWriter writer, JsonElement value)
        {
            switch (value.ValueKind)
            {
                case JsonValueKind.Object:
                    writer.WriteStartObject();
                    foreach (JsonProperty member in value.EnumerateObject().OrderBy(Place))
                    {
                        writer.WritePropertyName(member.Name);
                        Write(writer, member.Value);
                    }
                    writer.WriteEndObject();
                    break;
                case JsonValueKind.Array:
                    writer.WriteStartArray();
                    foreach (JsonElement element in value.EnumerateArray())
                        Write(writer, element);
                    writer.WriteEndArray();
                    break;
                case JsonValueKind.String:
                    writer.WriteRawValue(Quoted(value.GetString()!));
                    break;
                default:
                    writer.WriteRawValue(value.GetRawText());
                    break;
            }
        }

        // The writer would escape characters beyond the first plane.
        string Quoted(string text) =>
            string.Concat(text.EnumerateRunes().Select(Escaped).Prepend("\"").Append("\""));

        string Escaped(Rune rune) =>
            rune.IsBmp
                ? JsonEncodedText.Encode(rune.ToString(), s_options.Encoder).ToString()
                : rune.ToString();

        int Place(JsonProperty member)
        {
            int place = names.IndexOf(member.Name);
            return place < 0 ? int.MaxValue : place;
        }
    }
}
