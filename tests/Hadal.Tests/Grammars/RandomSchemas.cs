using System.Text.Json.Nodes;

namespace Hadal.Tests.Grammars;

/// <summary>
/// Random schemas of what grammars support, and random values, of which many satisfy them: both take names, texts and numbers
/// from the same few.
/// </summary>
internal sealed class RandomSchemas(int seed)
{
    private const int Definitions = 3;

    private static readonly string[] s_names = ["a", "b", "c", "é\""];
    private static readonly string[] s_texts =
    [
        "",
        "a",
        "b",
        "ab",
        "ba",
        "abab",
        "aaa",
        "é",
        "🙂",
        "c\"\n",
        "2024-02-29",
        "1.2.3.4",
    ];
    private static readonly string[] s_patterns =
    [
        "^a",
        "b$",
        "^[ab]*$",
        "a|b",
        "^(ab)+$",
        "[0-9]",
        "^[a-zé]?$",
    ];
    private static readonly string[] s_numbers =
    [
        "-12",
        "-3",
        "-1.5",
        "-1",
        "0",
        "0.5",
        "1",
        "2",
        "2.25",
        "10",
        "11",
        "100",
    ];

    private readonly Random _random = new(seed);

    /// <summary>A whole schema with definitions.</summary>
    public JsonObject Schema()
    {
        JsonObject schema = Object(3, 0);
        var definitions = new JsonObject();
        for (int i = 0; i < Definitions; i++)
            definitions[$"d{i}"] = Object(2, i + 1);
        schema["$defs"] = definitions;
        return schema;
    }

    /// <summary>A value, made for a schema in most places.</summary>
    /// <param name="root">The whole schema.</param>
    /// <param name="schema">The schema of the value.</param>
    /// <param name="depth">How deep it may be.</param>
    public JsonNode? Value(JsonObject root, JsonNode? schema, int depth)
    {
        if (schema is not JsonObject keywords || Chance(25))
            return Any(depth);
        if (keywords["$ref"] is { } target)
            return Value(
                root,
                root["$defs"]![target.GetValue<string>()["#/$defs/".Length..]],
                depth
            );
        if (keywords.ContainsKey("const"))
            return keywords["const"]?.DeepClone();
        if (keywords["enum"] is JsonArray values)
            return Of(values)?.DeepClone();
        foreach (string list in (string[])["anyOf", "oneOf"])
        {
            if (keywords[list] is JsonArray parts && !Chance(4))
                return Value(root, Of(parts), depth);
        }
        if (keywords["allOf"] is JsonArray all)
            return Both(root, keywords, all, depth);
        string? type = keywords["type"] switch
        {
            JsonArray types => Of(types)!.GetValue<string>(),
            JsonValue only => only.GetValue<string>(),
            _ when keywords.ContainsKey("properties") || keywords.ContainsKey("required") =>
                "object",
            _ when keywords.ContainsKey("items") || keywords.ContainsKey("prefixItems") => "array",
            _ => null,
        };
        return type switch
        {
            "null" => null,
            "boolean" => Chance(2),
            "integer" => Number(integers: true),
            "number" => Number(integers: false),
            "string" => Of(s_texts),
            "object" when depth > 0 => Members(root, keywords, depth),
            "array" when depth > 0 => Elements(root, keywords, depth),
            _ => Any(depth),
        };
    }

    private JsonObject Members(JsonObject root, JsonObject schema, int depth)
    {
        var value = new JsonObject();
        foreach ((string name, JsonNode? member) in Sorted(schema["properties"] as JsonObject))
        {
            bool isRequired = (schema["required"] as JsonArray)?.Any(it => $"{it}" == name) == true;
            if (value.Count < 3 && !Chance(isRequired ? 12 : 2))
                value[name] = Value(root, member, depth - 1);
        }
        foreach (JsonNode? name in schema["required"] as JsonArray ?? [])
        {
            if (value.Count < 3 && !value.ContainsKey($"{name}") && !Chance(8))
                value[$"{name}"] = Value(root, schema["additionalProperties"], depth - 1);
        }
        if (value.Count < 3 && Chance(5))
            value[Of((string[])["x", "z", "a"])] = Value(
                root,
                schema["additionalProperties"],
                depth - 1
            );
        return value;
    }

    private JsonArray Elements(JsonObject root, JsonObject schema, int depth)
    {
        var prefix = schema["prefixItems"] as JsonArray ?? [];
        int count = schema["minItems"]?.GetValue<int>() ?? 0;
        count = Chance(6) ? _random.Next(4) : Math.Max(count, _random.Next(3));
        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(i =>
                    Value(root, i < prefix.Count ? prefix[i] : schema["items"], depth - 1)
                ),
        ];
    }

    // Members of a value for each part, and otherwise a value for one of them.
    private JsonNode? Both(JsonObject root, JsonObject schema, JsonArray parts, int depth)
    {
        var rest = (JsonObject)schema.DeepClone();
        rest.Remove("allOf");
        JsonNode?[] values = [.. parts.Append(rest).Select(part => Value(root, part, depth))];
        if (values[0] is not JsonObject first)
            return Of(values)?.DeepClone();
        foreach (JsonObject other in values.Skip(1).OfType<JsonObject>())
        {
            foreach ((string name, JsonNode? member) in other)
            {
                if (first.Count < 3 && !first.ContainsKey(name))
                    first[name] = member?.DeepClone();
            }
        }
        return first;
    }

    private JsonNode? Any(int depth) =>
        _random.Next(depth > 0 ? 8 : 6) switch
        {
            0 => null,
            1 => Chance(2),
            2 => Number(integers: true),
            3 => Number(integers: false),
            4 or 5 => Of(s_texts),
            6 => new JsonArray([
                .. Enumerable.Range(0, _random.Next(3)).Select(_ => Any(depth - 1)),
            ]),
            _ => new JsonObject(
                s_names
                    .Where(_ => Chance(3))
                    .Take(2)
                    .Select(name => KeyValuePair.Create(name, Any(depth - 1)))
            ),
        };

    // A level: schemas that are not within a property or an element refer to later definitions alone, so that none is its own part.
    private JsonNode Part(int depth, int level) =>
        _random.Next(14) switch
        {
            0 => true,
            1 => Chance(3) ? false : true,
            _ => Object(depth, level),
        };

    private JsonObject Object(int depth, int level)
    {
        var schema = new JsonObject();
        switch (_random.Next(depth > 0 ? 12 : 5))
        {
            case 0 when level < Definitions:
                schema["$ref"] = $"#/$defs/d{_random.Next(level, Definitions)}";
                if (Chance(3))
                    Assert(schema, depth, level);
                break;
            case 1:
                schema[Chance(3) ? "const" : "enum"] = null;
                if (schema.ContainsKey("const"))
                    schema["const"] = Any(2);
                else
                    schema["enum"] = new JsonArray([
                        .. Enumerable.Range(0, _random.Next(1, 6)).Select(_ => Any(2)),
                    ]);
                if (Chance(3))
                    Assert(schema, depth, level);
                break;
            case 5 or 6:
                schema[Chance(3) ? "oneOf" : "anyOf"] = Parts(depth, level, 1, 4);
                if (Chance(2))
                    Assert(schema, depth, level);
                break;
            case 7:
                schema["allOf"] = Parts(depth, level, 1, 3);
                if (Chance(2))
                    Assert(schema, depth, level);
                break;
            default:
                Assert(schema, depth, level);
                break;
        }
        return schema;
    }

    private JsonArray Parts(int depth, int level, int least, int most) =>
        [.. Enumerable.Range(0, _random.Next(least, most + 1)).Select(_ => Part(depth - 1, level))];

    // Keywords of one type or of several, whether the type is there or not.
    private void Assert(JsonObject schema, int depth, int level)
    {
        string[] types =
        [
            "object",
            "array",
            "object",
            "array",
            "string",
            "integer",
            "number",
            "null",
            "boolean",
        ];
        string[] some =
        [
            .. types
                .Where(_ => Chance(6))
                .Append(types[_random.Next(depth > 0 ? 0 : 4, types.Length)])
                .Distinct(),
        ];
        if (!Chance(5))
            schema["type"] =
                some.Length == 1
                    ? some[0]
                    : new JsonArray([.. some.Select(type => (JsonNode?)type)]);
        foreach (string type in some)
            AssertOf(type, schema, depth);
    }

    private void AssertOf(string type, JsonObject schema, int depth)
    {
        switch (type)
        {
            case "object" when depth > 0:
                string[] declared = [.. s_names.Where(_ => Chance(2))];
                if (declared.Length > 0)
                    schema["properties"] = new JsonObject(
                        declared.Select(name => KeyValuePair.Create(name, Inner(depth)))
                    );
                string[] required = [.. declared.Append("x").Where(_ => Chance(3))];
                if (required.Length > 0)
                    schema["required"] = new JsonArray([
                        .. required.Select(name => (JsonNode?)name),
                    ]);
                if (Chance(2))
                    schema["additionalProperties"] = Chance(2) ? false : Inner(depth);
                break;
            case "array" when depth > 0:
                if (Chance(3))
                    schema["prefixItems"] = new JsonArray([
                        .. Enumerable.Range(0, _random.Next(1, 3)).Select(_ => Inner(depth)),
                    ]);
                if (Chance(2))
                    schema["items"] = Inner(depth);
                Range(schema, "minItems", "maxItems", 3);
                break;
            case "string":
                Range(schema, "minLength", "maxLength", 4);
                if (Chance(4))
                    schema["pattern"] = Of(s_patterns);
                if (Chance(8))
                    schema["format"] = Of((string[])["date", "ipv4", "date-time", "unknown"]);
                break;
            case "integer" or "number":
                if (Chance(2))
                    schema[Chance(3) ? "exclusiveMinimum" : "minimum"] = Number(integers: false);
                if (Chance(3))
                    schema[Chance(3) ? "exclusiveMaximum" : "maximum"] = Number(integers: false);
                break;
        }
    }

    private JsonNode? Inner(int depth) => Part(depth - 1, 0);

    private void Range(JsonObject schema, string least, string most, int limit)
    {
        int min = _random.Next(limit);
        if (Chance(3))
            schema[least] = min;
        if (Chance(3))
            schema[most] = Chance(20) ? _random.Next(limit) : min + _random.Next(2);
    }

    private JsonNode Number(bool integers) =>
        JsonNode.Parse(
            Of(integers ? s_numbers.Where(it => !it.Contains('.')).ToArray() : s_numbers)
        )!;

    private static IEnumerable<KeyValuePair<string, JsonNode?>> Sorted(JsonObject? members) =>
        (members ?? []).OrderBy(member => member.Key, StringComparer.Ordinal);

    private bool Chance(int one) => _random.Next(one) == 0;

    private T Of<T>(IReadOnlyList<T> list) => list[_random.Next(list.Count)];

    private JsonNode? Of(JsonArray list) => list[_random.Next(list.Count)];
}
