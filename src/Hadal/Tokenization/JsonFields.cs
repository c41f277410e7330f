using System.Text.Json;
using Hadal.Checkpoints;

namespace Hadal.Tokenization;

/// <summary>Reads JSON fields; a missing or mistyped one becomes a <see cref="TokenizerException"/> that names it.</summary>
internal static class JsonFields
{
    private const int Shown = 100;

    public static JsonDocument Parse(ReadOnlyMemory<byte> json, string file)
    {
        try
        {
            return JsonDocument.Parse(json);
        }
        catch (JsonException e)
        {
            throw new TokenizerException(
                $"{file}: {StandIn.Describe(json.Span) ?? $"is not valid JSON: {e.Message}"}",
                e
            );
        }
    }

    public static JsonElement Get(JsonElement parent, string name, JsonValueKind kind, string path)
    {
        Require(parent, JsonValueKind.Object, path);
        if (!parent.TryGetProperty(name, out JsonElement value))
            throw new TokenizerException($"{path}: the field '{name}' is missing");
        return Require(value, kind, $"{path}.{name}");
    }

    /// <summary>The field, or null where it is absent or JSON null.</summary>
    public static JsonElement? GetOptional(JsonElement parent, string name, string path)
    {
        Require(parent, JsonValueKind.Object, path);
        return
            parent.TryGetProperty(name, out JsonElement value)
            && value.ValueKind != JsonValueKind.Null
            ? value
            : null;
    }

    public static string GetString(JsonElement parent, string name, string path) =>
        Text(Get(parent, name, JsonValueKind.String, path), $"{path}.{name}");

    public static bool GetFlag(JsonElement parent, string name, string path) =>
        GetOptional(parent, name, path) switch
        {
            null or { ValueKind: JsonValueKind.False } => false,
            { ValueKind: JsonValueKind.True } => true,
            { } other => throw new TokenizerException(
                $"{path}.{name}: is a JSON {other.ValueKind}, must be true or false"
            ),
        };

    public static bool TryGetId(JsonElement value, out int id)
    {
        id = 0;
        return value.ValueKind == JsonValueKind.Number
            && value.TryGetInt32(out id)
            && id is >= 0 and < TokenizerFile.MaxVocabularySize;
    }

    public static int GetId(JsonElement value, string path) =>
        TryGetId(value, out int id) ? id : throw BadId(value, path);

    public static TokenizerException BadId(JsonElement value, string path) =>
        new(
            $"{path}: token id {Cut(value.GetRawText())} must be an integer from 0 to {TokenizerFile.MaxVocabularySize - 1}"
        );

    /// <summary>A file's text, short enough for a message.</summary>
    public static string Cut(string text) =>
        text.Length <= Shown ? text : $"{text.AsSpan(0, Shown)}…";

    public static JsonElement Require(JsonElement value, JsonValueKind kind, string path) =>
        value.ValueKind == kind
            ? value
            : throw new TokenizerException(
                $"{path}: is a JSON {value.ValueKind}, must be a JSON {kind}"
            );

    /// <summary>A JSON string's text; an escaped lone surrogate is refused here rather than surfacing untyped.</summary>
    public static string Text(JsonElement value, string path)
    {
        try
        {
            return Require(value, JsonValueKind.String, path).GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new TokenizerException($"{path}: is not valid Unicode text", e);
        }
    }

    /// <summary>A property's name, under the same rule as <see cref="Text"/>.</summary>
    public static string Name(JsonProperty property, string path)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException e)
        {
            throw new TokenizerException($"{path}: a key is not valid Unicode text", e);
        }
    }
}
