using System.Text.Json;
using Hadal.Answering;
using Hadal.Generation;
using Hadal.Json;

namespace Hadal.Server.Responses;

/// <summary>What a response repeats of its request. It outlives the request's body.</summary>
/// <param name="request">The request.</param>
/// <param name="chat">What it asks.</param>
internal sealed class ResponseEcho(JsonFields request, ChatRequest chat)
{
    private readonly Dictionary<string, JsonElement> _fields = Clone(
        request,
        "instructions",
        "max_tool_calls",
        "metadata",
        "prompt_cache_key",
        "safety_identifier",
        "service_tier",
        "tool_choice",
        "tools",
        "user"
    );
    private readonly Dictionary<string, JsonElement> _reasoning = Clone(
        request.OptionalObject("reasoning"),
        "effort",
        "summary"
    );
    private readonly Dictionary<string, JsonElement> _text = Clone(
        request.OptionalObject("text"),
        "format",
        "verbosity"
    );
    private readonly GenerationOptions _generation = chat.Generation;
    private readonly bool _parallelToolCalls = chat.ParallelToolCalls;

    /// <summary>Writes the fields of the request that a response has; they stand in its object.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteBoolean("background", false);
        Write(json, "instructions");
        if (_generation.Stop.MaxTokens is { } most)
            json.WriteNumber("max_output_tokens", most);
        else
            json.WriteNull("max_output_tokens");
        Write(json, "max_tool_calls");
        Write(json, "metadata", "{}");
        json.WriteBoolean("parallel_tool_calls", _parallelToolCalls);
        json.WriteNull("previous_response_id");
        Write(json, "prompt_cache_key");
        json.WriteStartObject("reasoning");
        Write(json, _reasoning, "effort");
        Write(json, _reasoning, "summary");
        json.WriteEndObject();
        Write(json, "safety_identifier");
        Write(json, "service_tier", "\"default\"");
        // Whatever was asked for, nothing is.
        json.WriteBoolean("store", false);
        json.WriteNumber("temperature", _generation.Sampling.Temperature);
        json.WriteStartObject("text");
        Write(json, _text, "format", """{"type":"text"}""");
        Write(json, _text, "verbosity", "\"medium\"");
        json.WriteEndObject();
        Write(json, "tool_choice", "\"auto\"");
        Write(json, "tools", "[]");
        json.WriteNumber("top_logprobs", _generation.LogProbs ?? 0);
        json.WriteNumber("top_p", _generation.Sampling.TopP);
        json.WriteString("truncation", "disabled");
        if (_fields.ContainsKey("user"))
            Write(json, "user");
    }

    private void Write(Utf8JsonWriter json, string name, string absent = "null") =>
        Write(json, _fields, name, absent);

    private static void Write(
        Utf8JsonWriter json,
        Dictionary<string, JsonElement> fields,
        string name,
        string absent = "null"
    )
    {
        json.WritePropertyName(name);
        if (fields.TryGetValue(name, out JsonElement value))
            value.WriteTo(json);
        else
            json.WriteRawValue(absent);
    }

    private static Dictionary<string, JsonElement> Clone(
        JsonFields? fields,
        params ReadOnlySpan<string> names
    )
    {
        Dictionary<string, JsonElement> clones = [];
        foreach (string name in names)
        {
            if (fields?.Optional(name) is { } value)
                clones.Add(name, value.Clone());
        }
        return clones;
    }
}
