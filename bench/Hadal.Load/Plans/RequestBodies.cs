using System.Text.Json;

namespace Hadal.Load.Plans;

/// <summary>Writes the bodies of a plan's requests. Thread-safe.</summary>
internal sealed class RequestBodies(LoadPlan plan)
{
    private const int FirstId = 3;

    private static readonly string[] s_words =
    [
        .. "the sea is deep and dark below a light that no eye of man has seen while old winds cry".Split(
            ' '
        ),
    ];

    /// <param name="index">Which request.</param>
    /// <param name="salt">Keeps it from the cache of others, where the server knows <c>cache_salt</c>; null for none.</param>
    public byte[] Write(int index, string? salt = null)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            if (plan.Model is { } model)
                json.WriteString("model", model);
            if (plan.IsChat)
                WriteMessages(json, index);
            else
                WritePrompt(json, index);
            json.WriteNumber("max_tokens", plan.MaxTokens);
            json.WriteNumber("temperature", plan.Temperature);
            json.WriteNumber("seed", index + 1);
            json.WriteBoolean("ignore_eos", true);
            if (salt is not null)
                json.WriteString("cache_salt", salt);
            json.WriteBoolean("stream", true);
            json.WriteStartObject("stream_options");
            json.WriteBoolean("include_usage", true);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return bytes.ToArray();
    }

    private void WritePrompt(Utf8JsonWriter json, int index)
    {
        int count = plan.Vocabulary - FirstId;
        json.WriteStartArray("prompt");
        foreach (ulong number in Numbers(index))
            json.WriteNumberValue(FirstId + (int)(number % (ulong)count));
        json.WriteEndArray();
    }

    private void WriteMessages(Utf8JsonWriter json, int index)
    {
        json.WriteStartArray("messages");
        json.WriteStartObject();
        json.WriteString("role", "user");
        json.WriteString(
            "content",
            string.Join(
                ' ',
                Numbers(index).Select(number => s_words[number % (ulong)s_words.Length])
            )
        );
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private IEnumerable<ulong> Numbers(int index)
    {
        var shared = new SplitMix64(plan.Seed);
        var own = new SplitMix64(~plan.Seed ^ ((ulong)index << 32));
        for (int i = 0; i < plan.PromptTokens; i++)
            yield return i < plan.SharedTokens ? shared.Next() : own.Next();
    }
}
