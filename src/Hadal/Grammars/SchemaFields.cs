using System.Text.Json;

namespace Hadal.Grammars;

/// <summary>The keywords of one schema, checked.</summary>
/// <param name="schema">An object.</param>
/// <param name="pointer">Where it is.</param>
/// <param name="reader">Makes the errors.</param>
internal readonly struct SchemaFields(JsonElement schema, string pointer, SchemaReader reader)
{
    private const int MaxValueDepth = 256;

    private static readonly (string Name, JsonTypes Types)[] s_types =
    [
        ("null", JsonTypes.Null),
        ("boolean", JsonTypes.Boolean),
        ("integer", JsonTypes.Integer),
        ("number", JsonTypes.Number),
        ("string", JsonTypes.String),
        ("object", JsonTypes.Object),
        ("array", JsonTypes.Array),
    ];

    private static readonly string[] s_bounds =
    [
        "minimum",
        "exclusiveMinimum",
        "maximum",
        "exclusiveMaximum",
    ];

    public string Pointer { get; } = pointer;

    public bool Has(string keyword) => schema.TryGetProperty(keyword, out _);

    /// <summary>Where the schema of a keyword is; null where there is none, or a list of them.</summary>
    public string? Schema(string keyword)
    {
        if (!schema.TryGetProperty(keyword, out JsonElement value))
            return null;
        string at = SchemaReader.Member(Pointer, keyword);
        if (value.ValueKind != JsonValueKind.Array)
            return at;
        return keyword == "items" ? null : throw reader.Error(at, "must be a schema, not a list");
    }

    /// <summary>Where the schemas of a list are.</summary>
    public string[] Schemas(string keyword)
    {
        if (!schema.TryGetProperty(keyword, out JsonElement value))
            return [];
        string at = SchemaReader.Member(Pointer, keyword);
        if (value.ValueKind != JsonValueKind.Array)
            throw reader.Error(at, "must be a list of schemas");
        return [.. Enumerable.Range(0, value.GetArrayLength()).Select(i => $"{at}/{i}")];
    }

    /// <summary>The same, of at least one.</summary>
    public string[] SomeSchemas(string keyword)
    {
        string[] schemas = Schemas(keyword);
        return schemas.Length > 0
            ? schemas
            : throw reader.Error(SchemaReader.Member(Pointer, keyword), "must have a schema");
    }

    /// <summary>Where the target of <c>$ref</c> is; null for none.</summary>
    public string? Reference()
    {
        if (Text("$ref") is not { } target)
            return null;
        string local = Uri.UnescapeDataString(target);
        return local == "#" || local.StartsWith("#/", StringComparison.Ordinal)
            ? local
            : throw reader.Error(
                SchemaReader.Member(Pointer, "$ref"),
                $"is '{QuotedText.Shorten(target)}'; only pointers into the same schema are supported, as '#/$defs/name'"
            );
    }

    public JsonTypes Types()
    {
        if (!schema.TryGetProperty("type", out JsonElement value))
            return JsonTypes.All;
        var types = JsonTypes.None;
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement element in value.EnumerateArray())
                types |= Type(element);
            return types;
        }
        return Type(value);
    }

    /// <summary>The values of <c>enum</c> and <c>const</c>; null for any.</summary>
    public IReadOnlySet<JsonElement>? Values()
    {
        HashSet<JsonElement>? values = null;
        if (schema.TryGetProperty("enum", out JsonElement list))
        {
            if (list.ValueKind != JsonValueKind.Array)
                throw reader.Error(SchemaReader.Member(Pointer, "enum"), "must be a list");
            values = new(JsonValueComparer.Instance);
            foreach (JsonElement value in list.EnumerateArray())
            {
                RequireUsable(value, "enum");
                values.Add(value);
            }
        }
        if (!schema.TryGetProperty("const", out JsonElement only))
            return values;
        RequireUsable(only, "const");
        bool isListed = values is null || values.Contains(only);
        return new HashSet<JsonElement>(isListed ? [only] : [], JsonValueComparer.Instance);
    }

    public string? Text(string keyword)
    {
        if (!schema.TryGetProperty(keyword, out JsonElement value))
            return null;
        return value.ValueKind == JsonValueKind.String
            ? String(value, keyword)
            : throw reader.Error(SchemaReader.Member(Pointer, keyword), "must be a string");
    }

    public int? Count(string keyword)
    {
        if (!schema.TryGetProperty(keyword, out JsonElement value))
            return null;
        return
            value.ValueKind == JsonValueKind.Number
            && value.TryGetDouble(out double count)
            && count >= 0
            && count == Math.Floor(count)
            ? (int)Math.Min(count, int.MaxValue)
            : throw reader.Error(
                SchemaReader.Member(Pointer, keyword),
                "must be an integer, at least 0"
            );
    }

    public NumberBounds Bounds()
    {
        string key = "";
        foreach (string keyword in s_bounds)
        {
            if (schema.TryGetProperty(keyword, out JsonElement value))
                key += $"{keyword} {value.GetRawText()} ";
        }
        if (reader.Bounds.TryGetValue(key, out NumberBounds? known))
            return known;
        NumberBounds bounds = NumberBounds.None;
        if (Number("minimum") is { } least)
            bounds = bounds.Above(least, isExclusive: Flag("exclusiveMinimum"));
        if (Number("exclusiveMinimum") is { } below)
            bounds = bounds.Above(below, isExclusive: true);
        if (Number("maximum") is { } most)
            bounds = bounds.Below(most, isExclusive: Flag("exclusiveMaximum"));
        if (Number("exclusiveMaximum") is { } above)
            bounds = bounds.Below(above, isExclusive: true);
        reader.Bounds.Add(key, bounds);
        return bounds;
    }

    /// <summary>The names of <c>properties</c> in order, and where their schemas are.</summary>
    public Dictionary<string, string> Properties()
    {
        var properties = new Dictionary<string, string>();
        if (!schema.TryGetProperty("properties", out JsonElement value))
            return properties;
        string at = SchemaReader.Member(Pointer, "properties");
        if (value.ValueKind != JsonValueKind.Object)
            throw reader.Error(at, "must be an object");
        foreach (JsonProperty member in value.EnumerateObject())
        {
            string property = reader.Name(member, at);
            properties[property] = SchemaReader.Member(at, property);
        }
        return properties;
    }

    public IReadOnlyList<string> Names(string keyword)
    {
        if (!schema.TryGetProperty(keyword, out JsonElement value))
            return [];
        if (
            value.ValueKind != JsonValueKind.Array
            || value.EnumerateArray().Any(static e => e.ValueKind != JsonValueKind.String)
        )
            throw reader.Error(
                SchemaReader.Member(Pointer, keyword),
                "must be a list of names of properties"
            );
        SchemaFields self = this;
        return [.. value.EnumerateArray().Select(e => self.String(e, keyword)).Distinct()];
    }

    // A truth value, as draft 4 has it; later drafts have a number.
    private bool Flag(string keyword) =>
        schema.TryGetProperty(keyword, out JsonElement value)
        && value.ValueKind == JsonValueKind.True;

    private ExactDecimal? Number(string keyword)
    {
        if (
            !schema.TryGetProperty(keyword, out JsonElement value)
            || value.ValueKind is JsonValueKind.True or JsonValueKind.False
        )
            return null;
        return value.ValueKind == JsonValueKind.Number
            ? Number(value, keyword)
            : throw reader.Error(SchemaReader.Member(Pointer, keyword), "must be a number");
    }

    private ExactDecimal Number(JsonElement value, string keyword)
    {
        try
        {
            return ExactDecimal.Parse(value.GetRawText());
        }
        catch (GrammarException e)
        {
            throw reader.Error(SchemaReader.Member(Pointer, keyword), e.Message, e);
        }
    }

    private JsonTypes Type(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String)
        {
            string text = String(value, "type");
            foreach ((string known, JsonTypes types) in s_types)
            {
                if (text == known)
                    return types;
            }
        }
        throw reader.Error(
            SchemaReader.Member(Pointer, "type"),
            $"{QuotedText.Shorten(value.GetRawText())} is none of {string.Join(", ", s_types.Select(static type => type.Name))}"
        );
    }

    private string String(JsonElement value, string keyword)
    {
        try
        {
            return value.GetString()!;
        }
        // A lone surrogate, escaped.
        catch (InvalidOperationException e)
        {
            throw reader.Error(
                SchemaReader.Member(Pointer, keyword),
                "is not valid Unicode text",
                e
            );
        }
    }

    // That a value of a list can be written and compared.
    private void RequireUsable(JsonElement value, string keyword, int depth = 0)
    {
        string at = SchemaReader.Member(Pointer, keyword);
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                String(value, keyword);
                break;
            case JsonValueKind.Number:
                Number(value, keyword);
                break;
            case JsonValueKind.Object or JsonValueKind.Array when depth == MaxValueDepth:
                throw reader.Error(at, $"has a value of more than {MaxValueDepth} levels");
            case JsonValueKind.Object:
                foreach (JsonProperty member in value.EnumerateObject())
                {
                    reader.Name(member, at);
                    RequireUsable(member.Value, keyword, depth + 1);
                }
                break;
            case JsonValueKind.Array:
                foreach (JsonElement element in value.EnumerateArray())
                    RequireUsable(element, keyword, depth + 1);
                break;
        }
    }
}
