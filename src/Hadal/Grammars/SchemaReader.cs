using System.Globalization;
using System.Text.Json;

namespace Hadal.Grammars;

/// <summary>
/// Reads the schemas within a schema, each when it is first wanted. JSON Schema 2020-12 with what drafts 4 to 7 spell otherwise;
/// keywords that are not known are annotations, as the specification has it.
/// </summary>
/// <param name="root">The whole schema.</param>
/// <param name="name">What errors call it.</param>
internal sealed class SchemaReader(JsonElement root, string name)
{
    // Each level of schemas has a pointer of its own, so that deep ones take the square of their depth.
    private const int MaxPointer = 1 << 14;

    // Objects and arrays of more have their children kept by name.
    private const int Many = 32;

    private static readonly JsonElement s_anyName = JsonElement.Parse("""{"type":"string"}""");

    private readonly Dictionary<string, SchemaNode> _nodes = [];
    private readonly Dictionary<string, Dictionary<string, JsonElement>> _children = [];
    private readonly Dictionary<string, CharAutomaton> _patterns = [];

    /// <summary>Bounds of numbers by what schemas say of them, so that the same have one automaton.</summary>
    public Dictionary<string, NumberBounds> Bounds { get; } = [];

    /// <summary>The schema at a pointer.</summary>
    /// <param name="pointer">The pointer, <c>#</c> for the whole.</param>
    /// <exception cref="GrammarException">There is none, or it can't be kept to.</exception>
    public SchemaNode At(string pointer)
    {
        if (_nodes.TryGetValue(pointer, out SchemaNode? known))
            return known;
        if (pointer.Length > MaxPointer)
            throw Error(
                "#",
                $"is nested too deep: the pointer to a schema in it has more than {MaxPointer} characters"
            );
        SchemaNode node = Read(Find(pointer), pointer, _nodes.Count);
        _nodes.Add(pointer, node);
        return node;
    }

    /// <summary>The error for a place in the schema.</summary>
    public GrammarException Error(string pointer, string what, Exception? inner = null) =>
        new($"{name}{pointer}: {what}", inner);

    /// <summary>The pointer to a member.</summary>
    public static string Member(string pointer, string member) =>
        $"{pointer}/{member.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";

    /// <summary>The name of a member of the object at a pointer.</summary>
    public string Name(JsonProperty member, string pointer)
    {
        try
        {
            return member.Name;
        }
        // A lone surrogate, escaped.
        catch (InvalidOperationException e)
        {
            throw Error(pointer, "a name is not valid Unicode text", e);
        }
    }

    private JsonElement Find(string pointer)
    {
        JsonElement at = root;
        int slash = pointer.IndexOf('/', StringComparison.Ordinal);
        while (slash >= 0)
        {
            int end = pointer.IndexOf('/', slash + 1);
            string key = (end < 0 ? pointer[(slash + 1)..] : pointer[(slash + 1)..end])
                .Replace("~1", "/", StringComparison.Ordinal)
                .Replace("~0", "~", StringComparison.Ordinal);
            bool found = at.ValueKind switch
            {
                _ when Count(at) > Many => Children(pointer[..slash], at).TryGetValue(key, out at),
                JsonValueKind.Object => TryGet(at, key, pointer, out at),
                JsonValueKind.Array => int.TryParse(
                    key,
                    NumberStyles.None,
                    CultureInfo.InvariantCulture,
                    out int index
                )
                    && index < at.GetArrayLength()
                    && (at = at[index]).ValueKind != JsonValueKind.Undefined,
                _ => false,
            };
            if (!found)
                throw Error(pointer, "is not in the schema");
            slash = end;
        }
        return at;
    }

    private bool TryGet(JsonElement at, string key, string pointer, out JsonElement value)
    {
        try
        {
            return at.TryGetProperty(key, out value);
        }
        // A name beside it has a lone surrogate, escaped.
        catch (InvalidOperationException e)
        {
            throw Error(pointer, "a name beside it is not valid Unicode text", e);
        }
    }

    private static int Count(JsonElement element) =>
        element.ValueKind switch
        {
            JsonValueKind.Object => element.GetPropertyCount(),
            JsonValueKind.Array => element.GetArrayLength(),
            _ => 0,
        };

    // The document would be searched for each of them.
    private Dictionary<string, JsonElement> Children(string pointer, JsonElement parent)
    {
        if (_children.TryGetValue(pointer, out Dictionary<string, JsonElement>? children))
            return children;
        children = [];
        if (parent.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty member in parent.EnumerateObject())
                children[Name(member, pointer)] = member.Value;
        }
        else
        {
            foreach (JsonElement element in parent.EnumerateArray())
                children.Add(children.Count.ToString(CultureInfo.InvariantCulture), element);
        }
        _children.Add(pointer, children);
        return children;
    }

    private SchemaNode Read(JsonElement schema, string pointer, int id)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return new SchemaNode(id, pointer)
            {
                IsNever = schema.ValueKind == JsonValueKind.False,
            };
        if (schema.ValueKind != JsonValueKind.Object)
            throw Error(
                pointer,
                $"is a JSON {schema.ValueKind}, a schema must be an object or a truth value"
            );
        foreach (JsonProperty member in schema.EnumerateObject())
        {
            string keyword = Name(member, pointer);
            if (SchemaKeywords.IsRefused(keyword) && !AssertsNothing(member))
                throw Error(Member(pointer, keyword), "the keyword is not supported");
        }
        // It would be the root of the pointers within it.
        if (
            pointer != "#"
            && schema.TryGetProperty("$id", out _)
            && schema.GetRawText().Contains("\"$ref\"", StringComparison.Ordinal)
        )
            throw Error(
                Member(pointer, "$id"),
                "a $ref within a schema that has an $id of its own is not supported"
            );
        var fields = new SchemaFields(schema, pointer, this);
        string[] prefix = fields.Schemas("prefixItems");
        string? items = fields.Schema("items");
        if (
            schema.TryGetProperty("items", out JsonElement list)
            && list.ValueKind == JsonValueKind.Array
        )
        {
            // As before draft 2020-12.
            prefix = fields.Schemas("items");
            items = fields.Schema("additionalItems");
        }
        string[][] any =
        [
            .. ((string[])["anyOf", "oneOf"]).Where(fields.Has).Select(fields.SomeSchemas),
        ];
        return new SchemaNode(id, pointer)
        {
            All =
            [
                .. fields.Reference() is { } target ? (string[])[target] : [],
                .. fields.Schemas("allOf"),
            ],
            Any = any,
            Types = fields.Types(),
            Values = fields.Values(),
            MinLength = fields.Count("minLength") ?? 0,
            MaxLength = fields.Count("maxLength"),
            Strings = [.. Strings(fields)],
            Bounds = fields.Bounds(),
            Properties = fields.Properties(),
            Required = fields.Names("required"),
            Additional = fields.Schema("additionalProperties"),
            Prefix = prefix,
            Items = items,
            MinItems = fields.Count("minItems") ?? 0,
            MaxItems = fields.Count("maxItems"),
        };
    }

    private IEnumerable<CharAutomaton> Strings(SchemaFields fields)
    {
        if (fields.Text("pattern") is { } pattern)
            yield return Automaton(
                "pattern",
                pattern,
                () => RegexAutomaton.Compile(pattern, search: true)
            );
        if (fields.Text("format") is { } format && FormatPatterns.Find(format) is { } known)
            yield return Automaton("format", format, () => known);

        CharAutomaton Automaton(string keyword, string value, Func<CharAutomaton> make)
        {
            string key = $"{keyword} {value}";
            if (_patterns.TryGetValue(key, out CharAutomaton? automaton))
                return automaton;
            try
            {
                automaton = make();
            }
            catch (GrammarException e)
            {
                throw Error(Member(fields.Pointer, keyword), e.Message, e);
            }
            _patterns.Add(key, automaton);
            return automaton;
        }
    }

    // Values with which a keyword holds for whatever there is.
    private static bool AssertsNothing(JsonProperty member) =>
        member.Name switch
        {
            "uniqueItems" or "nullable" => member.Value.ValueKind == JsonValueKind.False,
            "minProperties" => member.Value.ValueKind == JsonValueKind.Number
                && member.Value.TryGetDouble(out double least)
                && least == 0,
            // A name is a string anyway.
            "propertyNames" => member.Value.ValueKind == JsonValueKind.True
                || JsonElement.DeepEquals(member.Value, s_anyName),
            "unevaluatedProperties" or "unevaluatedItems" => member.Value.ValueKind
                == JsonValueKind.True,
            _ => false,
        };
}
