using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Hadal.Checkpoints;

namespace Hadal.Model;

/// <summary>
/// Reads the fields of one JSON object; a missing, mistyped or out-of-range one becomes a
/// <see cref="CheckpointException"/> that names it.
/// </summary>
internal readonly struct JsonFields
{
    private readonly JsonElement _object;
    private readonly string _path;

    public JsonFields(JsonElement element, string path)
    {
        _object = element;
        _path = path;
        if (element.ValueKind != JsonValueKind.Object)
            throw new CheckpointException(
                $"{path}: is a JSON {element.ValueKind}, must be an object"
            );
    }

    /// <summary>Whether the field is there and not null.</summary>
    public bool Has(string name) =>
        _object.TryGetProperty(name, out JsonElement value)
        && value.ValueKind != JsonValueKind.Null;

    public JsonFields Object(string name) => new(Get(name), $"{_path}.{name}");

    public int Integer(string name, int min, int max) =>
        ToInteger(Get(name), min, max)
        ?? throw Bad(name, $"must be an integer from {min} to {max}");

    /// <summary>An array of integers, or one integer alone.</summary>
    public ImmutableArray<int> Integers(string name, int min, int max)
    {
        JsonElement value = Get(name);
        IEnumerable<JsonElement> elements =
            value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : [value];
        string path = name;
        JsonFields self = this;
        return
        [
            .. elements.Select(e =>
                ToInteger(e, min, max)
                ?? throw self.Bad(path, $"must hold integers from {min} to {max}")
            ),
        ];
    }

    public double Number(string name, double min, double max)
    {
        JsonElement value = Get(name);
        return
            value.ValueKind == JsonValueKind.Number
            && value.TryGetDouble(out double number)
            && number >= min
            && number <= max
            ? number
            : throw Bad(
                name,
                string.Create(CultureInfo.InvariantCulture, $"must be a number from {min} to {max}")
            );
    }

    public bool Flag(string name) =>
        Get(name).ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Bad(name, "must be true or false"),
        };

    /// <summary>The field's text, which must be one of those given.</summary>
    public string RequireText(string name, params ReadOnlySpan<string> allowed)
    {
        JsonElement value = Get(name);
        if (value.ValueKind == JsonValueKind.String)
        {
            foreach (string text in allowed)
            {
                if (value.ValueEquals(text))
                    return text;
            }
        }
        throw Bad(name, $"must be '{string.Join("' or '", allowed!)}'");
    }

    /// <summary>The error for a field that is there but not as it must be.</summary>
    public CheckpointException Bad(string name, string rule)
    {
        string was = _object.TryGetProperty(name, out JsonElement value)
            ? Shorten(value.GetRawText())
            : "absent";
        return new CheckpointException($"{_path}.{name}: is {was}, {rule}");
    }

    private JsonElement Get(string name) =>
        _object.TryGetProperty(name, out JsonElement value)
            ? value
            : throw new CheckpointException($"{_path}: the field '{name}' is missing");

    private static int? ToInteger(JsonElement value, int min, int max) =>
        value.ValueKind == JsonValueKind.Number
        && value.TryGetInt32(out int number)
        && number >= min
        && number <= max
            ? number
            : null;

    private static string Shorten(string text) => text.Length <= 100 ? text : $"{text[..100]}…";
}
