using System.Text.Json;
using Hadal.Generation;

namespace Hadal.Server.Requests;

/// <summary>Writes what a request took.</summary>
internal static class UsageWriter
{
    /// <summary>Writes the fields that chat and texts have alike.</summary>
    public static void Write(Utf8JsonWriter json, GenerationUsage usage)
    {
        json.WriteNumber("prompt_tokens", usage.PromptTokens);
        json.WriteNumber("completion_tokens", usage.GeneratedTokens);
        json.WriteNumber("total_tokens", usage.PromptTokens + usage.GeneratedTokens);
        json.WriteStartObject("prompt_tokens_details");
        json.WriteNumber("cached_tokens", usage.CachedTokens);
        json.WriteEndObject();
    }
}
