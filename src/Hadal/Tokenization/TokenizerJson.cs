using System.Text.Json;
using Hadal.Json;

namespace Hadal.Tokenization;

/// <summary>Reads the JSON of a tokenizer's files; what is wrong becomes a <see cref="TokenizerException"/>.</summary>
internal static class TokenizerJson
{
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

    public static JsonFields Fields(JsonElement element, string path) =>
        new(element, path, TokenizerException.Create);

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
            $"{path}: token id {QuotedText.Shorten(value.GetRawText())} must be an integer from 0 to {TokenizerFile.MaxVocabularySize - 1}"
        );
}
