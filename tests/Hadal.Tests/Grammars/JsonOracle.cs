using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hadal.Grammars;
using Json.Schema;

namespace Hadal.Tests.Grammars;

/// <summary>What JsonSchema.Net says of values. Formats are required, those apart that grammars take as annotations.</summary>
internal sealed class JsonOracle
{
    private static readonly EvaluationOptions s_options = new() { RequireFormatValidation = true };
    private static readonly JsonDocumentOptions s_deep = new() { MaxDepth = 512 };
    private static readonly JsonSerializerOptions s_deepOut = new() { MaxDepth = 512 };

    private readonly JsonSchema _schema;

    public JsonOracle(JsonElement schema)
    {
        JsonNode? node = JsonNode.Parse(schema.GetRawText(), documentOptions: s_deep);
        RemoveOtherFormats(node);
        _schema = JsonSchema.Build(
            JsonSerializer.SerializeToElement(node, s_deepOut),
            // A registry of its own: schemas of tests have the same $id.
            new BuildOptions
            {
                SchemaRegistry = new SchemaRegistry(),
                Dialect = Dialect.Draft202012,
            }
        );
    }

    public bool Allows(JsonElement value) => _schema.Evaluate(value, s_options).IsValid;

    public bool Allows(string json) => Allows(TestSchemas.Parse(json));

    /// <summary>
    /// Whether JsonSchema.Net judges a text as the specification has it: its lengths count clusters, not code points, and numbers
    /// that a decimal doesn't hold end in an error.
    /// </summary>
    public static bool CanJudge(string json)
    {
        return CanJudge(TestSchemas.Parse(json));

        static bool CanJudge(JsonElement value) =>
            value.ValueKind switch
            {
                JsonValueKind.Number => value.TryGetDecimal(out _),
                JsonValueKind.String => value.GetString()!.EnumerateRunes().Count()
                    == new StringInfo(value.GetString()!).LengthInTextElements,
                JsonValueKind.Array => value.EnumerateArray().All(CanJudge),
                JsonValueKind.Object => value
                    .EnumerateObject()
                    .All(member => CanJudge(member.Value)),
                _ => true,
            };
    }

    private static void RemoveOtherFormats(JsonNode? node)
    {
        if (node is JsonArray array)
        {
            foreach (JsonNode? element in array)
                RemoveOtherFormats(element);
        }
        if (node is not JsonObject members)
            return;
        if (
            members["format"] is JsonValue format
            && format.GetValueKind() == JsonValueKind.String
            && !FormatPatterns.Names.Contains(format.GetValue<string>())
        )
            members.Remove("format");
        foreach ((_, JsonNode? member) in members)
            RemoveOtherFormats(member);
    }
}
