using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

namespace Hadal.Json;

/// <summary>
/// Reads the fields of one JSON object; a missing, mistyped or out-of-range one becomes an error of the file's kind that
/// names it.
/// </summary>
internal readonly struct JsonFields
{
    private readonly JsonElement _object;
    private readonly JsonError _error;

    /// <param name="element">The object.</param>
    /// <param name="path">What errors call it.</param>
    /// <param name="error">Makes them.</param>
    public JsonFields(JsonElement element, string path, JsonError error)
    {
        _object = element;
        _error = error;
        Path = path;
        Require(element, JsonValueKind.Object, path);
    }

    /// <summary>What errors call the object.</summary>
    public string Path { get; }

    /// <summary>How many fields there are.</summary>
    public int Count => _object.GetPropertyCount();

    /// <summary>The fields; of one name there may be several.</summary>
    public IEnumerable<(string Name, JsonElement Value)> Members
    {
        get
        {
            foreach (JsonProperty member in _object.EnumerateObject())
                yield return (NameOf(member), member.Value);
        }
    }

    /// <summary>The names of the fields that are there and not null.</summary>
    public IEnumerable<string> Names =>
        Members
            .Where(static member => member.Value.ValueKind != JsonValueKind.Null)
            .Select(static member => member.Name);

    /// <summary>Whether the field is there and not null.</summary>
    public bool Has(string name) =>
        _object.TryGetProperty(name, out JsonElement value)
        && value.ValueKind != JsonValueKind.Null;

    /// <summary>Whether the field is −1, which some files write for what is not set.</summary>
    public bool IsUnset(string name) => ToInteger(Get(name), -1, -1) is not null;

    public JsonFields Object(string name) => new(Get(name), $"{Path}.{name}", _error);

    /// <summary>The field, or null where it is absent or JSON null.</summary>
    public JsonElement? Optional(string name) => Has(name) ? Get(name) : null;

    /// <summary>The object, or null where it is absent or JSON null.</summary>
    public JsonFields? OptionalObject(string name) => Has(name) ? Object(name) : null;

    /// <summary>The elements of an array.</summary>
    public JsonElement Array(string name) =>
        Require(Get(name), JsonValueKind.Array, $"{Path}.{name}");

    public string Text(string name) => Text(Get(name), $"{Path}.{name}");

    /// <summary>The text of a value of the file; an escaped lone surrogate is refused here rather than surfacing untyped.</summary>
    /// <param name="value">The value.</param>
    /// <param name="path">What the error calls it.</param>
    public string Text(JsonElement value, string path)
    {
        try
        {
            return Require(value, JsonValueKind.String, path).GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw _error($"{path}: is not valid Unicode text", e);
        }
    }

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

    /// <summary>Whether the field is true; absent or null is false.</summary>
    public bool IsTrue(string name) => Has(name) && Flag(name);

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

    /// <summary>Texts of an array, each one of those given.</summary>
    public ImmutableArray<string> RequireTexts(string name, params string[] allowed)
    {
        JsonElement value = Get(name);
        string[]? texts =
            value.ValueKind == JsonValueKind.Array
            && value.EnumerateArray().All(static e => e.ValueKind == JsonValueKind.String)
                ? [.. value.EnumerateArray().Select(static e => e.GetString()!)]
                : null;
        return texts is not null && texts.All(text => allowed.Contains(text))
            ? [.. texts]
            : throw Bad(name, $"must be an array of '{string.Join("' or '", allowed)}'");
    }

    /// <summary>The field must be absent, or an array of one text again and again.</summary>
    public void RequireAll(string name, string text)
    {
        if (Has(name))
            RequireTexts(name, text);
    }

    /// <summary>The field must have this value: a text, a truth value or an integer.</summary>
    public void Require(string name, object? value)
    {
        JsonElement field = Get(name);
        bool equals = value switch
        {
            string text => field.ValueKind == JsonValueKind.String && field.ValueEquals(text),
            bool flag => field.ValueKind == (flag ? JsonValueKind.True : JsonValueKind.False),
            int number => field.ValueKind == JsonValueKind.Number
                && field.TryGetDouble(out double it)
                && it == number,
            _ => field.ValueKind == JsonValueKind.Null,
        };
        if (!equals)
            throw Bad(
                name,
                value switch
                {
                    string text => $"must be '{text}'",
                    bool flag => flag ? "must be true" : "must be false",
                    null => "must be absent: it is not supported",
                    _ => $"must be {value}",
                }
            );
    }

    /// <summary>The field must be absent, null or have this value.</summary>
    public void RequireOrAbsent(string name, object? value)
    {
        if (Has(name))
            Require(name, value);
    }

    /// <summary>Two names of one thing must have the same value where both are there.</summary>
    public void RequireAgreement(string name, string other)
    {
        if (Has(name) && Has(other) && !JsonElement.DeepEquals(Get(name), Get(other)))
            throw Bad(
                name,
                $"but {other} is {QuotedText.Shorten(Get(other).GetRawText())}; they must agree"
            );
    }

    /// <summary>No field may be there but these: for objects in which every field changes results.</summary>
    public void RequireKnown(string[] names)
    {
        foreach (string name in Names.Except(names))
            throw Bad(name, "is not known and might change results, so it must be absent");
    }

    /// <summary>The error for a field that is there but not as it must be.</summary>
    public HadalException Bad(string name, string rule)
    {
        string was = _object.TryGetProperty(name, out JsonElement value)
            ? QuotedText.Shorten(value.GetRawText())
            : "absent";
        return _error($"{Path}.{name}: is {was}, {rule}");
    }

    /// <summary>The field, whatever it is.</summary>
    public JsonElement Get(string name) =>
        _object.TryGetProperty(name, out JsonElement value)
            ? value
            : throw _error($"{Path}: the field '{name}' is missing");

    private JsonElement Require(JsonElement value, JsonValueKind kind, string path) =>
        value.ValueKind == kind
            ? value
            : throw _error(
                $"{path}: is a JSON {value.ValueKind}, must be {(kind == JsonValueKind.String ? "a" : "an")} {kind.ToString().ToLowerInvariant()}"
            );

    private string NameOf(JsonProperty member)
    {
        try
        {
            return member.Name;
        }
        catch (InvalidOperationException e)
        {
            throw _error($"{Path}: a key is not valid Unicode text", e);
        }
    }

    private static int? ToInteger(JsonElement value, int min, int max) =>
        value.ValueKind == JsonValueKind.Number
        && value.TryGetInt32(out int number)
        && number >= min
        && number <= max
            ? number
            : null;
}
