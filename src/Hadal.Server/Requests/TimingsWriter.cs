using System.Text.Json;
using Hadal.Generation;

namespace Hadal.Server.Requests;

/// <summary>Writes how long a request took, and what drafts saved.</summary>
internal static class TimingsWriter
{
    /// <summary>Writes the field <c>timings</c>.</summary>
    public static void Write(Utf8JsonWriter json, GenerationUsage usage)
    {
        json.WriteStartObject("timings");
        Milliseconds("queue_ms", usage.QueueTime);
        Milliseconds("prefill_ms", usage.PrefillTime);
        Milliseconds("decode_ms", usage.DecodeTime);
        json.WriteNumber("steps", usage.Steps);
        json.WriteNumber("drafted_tokens", usage.DraftedTokens);
        json.WriteNumber("accepted_tokens", usage.AcceptedTokens);
        json.WriteEndObject();

        void Milliseconds(string name, TimeSpan time) =>
            json.WriteNumber(name, Math.Round(time.TotalMilliseconds, 3));
    }
}
