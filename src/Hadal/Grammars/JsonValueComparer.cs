using System.Text.Json;

namespace Hadal.Grammars;

/// <summary>JSON values are equal as JSON Schema has it: numbers by value, objects whatever the order of their members.</summary>
internal sealed class JsonValueComparer : IEqualityComparer<JsonElement>
{
    public static JsonValueComparer Instance { get; } = new();

    public bool Equals(JsonElement x, JsonElement y) => JsonElement.DeepEquals(x, y);

    public int GetHashCode(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                return value.GetString()!.GetHashCode(StringComparison.Ordinal);
            case JsonValueKind.Number:
                return value.GetDouble().GetHashCode();
            case JsonValueKind.Array:
                var elements = new HashCode();
                foreach (JsonElement element in value.EnumerateArray())
                    elements.Add(element, this);
                return elements.ToHashCode();
            case JsonValueKind.Object:
                int members = 0;
                foreach (JsonProperty member in value.EnumerateObject())
                    members += HashCode.Combine(member.Name, GetHashCode(member.Value));
                return members;
            default:
                return (int)value.ValueKind;
        }
    }
}
