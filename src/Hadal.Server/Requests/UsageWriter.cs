using System.Text.Json;

namespace Hadal.Server.Requests;

/// <summary>Writes what a request took.</summary>
internal static class UsageWriter
{
    /// <summary>Writes the fields that chat and texts have alike.</summary>
    public static void Write(
        Utf8JsonWriter json,
        int promptTokens,
        int cachedTokens,
        int generatedTokens
    )
    {
        json.WriteNumber("prompt_tokens", promptTokens);
        json.WriteNumber("completion_tokens", generatedTokens);
        json.WriteNumber("total_tokens", promptTokens + generatedTokens);
        json.WriteStartObject("prompt_tokens_details");
        json.WriteNumber("cached_tokens", cachedTokens);
        json.WriteEndObject();
    }
}
