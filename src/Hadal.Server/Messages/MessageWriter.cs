using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;

namespace Hadal.Server.Messages;

/// <summary>Writes an answer as <c>/v1/messages</c> does.</summary>
/// <param name="model">The model's name.</param>
/// <param name="answer">The answer.</param>
/// <param name="omitsThoughts">Whether thoughts have no text.</param>
internal sealed class MessageWriter(string model, ChatAnswer answer, bool omitsThoughts)
{
    private readonly string _id = $"msg_{Guid.NewGuid():N}";

    /// <summary>Whether thoughts have no text.</summary>
    public bool OmitsThoughts => omitsThoughts;

    /// <summary>The answer's only choice.</summary>
    public AnswerChoice Choice => answer.Choices[0];

    /// <summary>Writes the whole answer.</summary>
    public void WriteWhole(Utf8JsonWriter json) =>
        WriteMessage(
            json,
            () =>
            {
                ChatTurn turn = Choice.Turn;
                if (turn.Reasoning is { } thought)
                    WriteThought(json, omitsThoughts ? "" : thought, SignatureOf(thought));
                if (turn.Content.Length > 0)
                    WriteText(json, turn.Content);
                foreach (ToolCall call in turn.ToolCalls)
                    WriteCall(json, ToolUseId.Of(call.Id), call.Name, call.Arguments);
            }
        );

    /// <summary>Writes the answer as far as it is, without content, as a stream begins with it.</summary>
    public void WriteStart(Utf8JsonWriter json) => WriteMessage(json, () => { });

    public static void WriteThought(Utf8JsonWriter json, string thought, string signature)
    {
        json.WriteStartObject();
        json.WriteString("type", "thinking");
        json.WriteString("thinking", thought);
        json.WriteString("signature", signature);
        json.WriteEndObject();
    }

    public static void WriteText(Utf8JsonWriter json, string text)
    {
        json.WriteStartObject();
        json.WriteString("type", "text");
        json.WriteString("text", text);
        json.WriteNull("citations");
        json.WriteEndObject();
    }

    public static void WriteCall(Utf8JsonWriter json, string id, string name, string input)
    {
        json.WriteStartObject();
        json.WriteString("type", "tool_use");
        json.WriteString("id", id);
        json.WriteString("name", name);
        json.WritePropertyName("input");
        WriteInput(json, input);
        json.WriteStartObject("caller");
        json.WriteString("type", "direct");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    // A grammar makes calls of tools that were told of objects of JSON. A model may write others of its own accord.
    private static void WriteInput(Utf8JsonWriter json, string input)
    {
        try
        {
            using var document = JsonDocument.Parse(input, new() { MaxDepth = int.MaxValue });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                json.WriteRawValue(input, skipInputValidation: true);
                return;
            }
        }
        catch (JsonException) { }
        json.WriteStartObject();
        json.WriteString("arguments", input);
        json.WriteEndObject();
    }

    /// <summary>
    /// A thought has a signature, which clients send back with it, and which nothing here reads: it need only differ between
    /// thoughts.
    /// </summary>
    public static string SignatureOf(string thought) =>
        Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(thought)));

    /// <summary>Writes the fields that tell why the answer ended; null while it goes on.</summary>
    public void WriteStop(Utf8JsonWriter json)
    {
        string? reason = Choice.Finish switch
        {
            null => null,
            AnswerFinish.ToolCalls => "tool_use",
            AnswerFinish.Stop => Choice.StopString is null ? "end_turn" : "stop_sequence",
            // A limit of tokens, or one of time.
            _ => "max_tokens",
        };
        json.WriteString("stop_reason", reason);
        json.WriteString("stop_sequence", reason == "stop_sequence" ? Choice.StopString : null);
    }

    /// <summary>Writes the field <c>usage</c>: tokens from the prefix cache are none of the input's, as the API has it.</summary>
    public void WriteUsage(Utf8JsonWriter json)
    {
        GenerationUsage usage = answer.Usage;
        json.WriteStartObject("usage");
        json.WriteNumber("input_tokens", usage.PromptTokens - usage.CachedTokens);
        json.WriteNumber("cache_creation_input_tokens", 0);
        json.WriteNumber("cache_read_input_tokens", usage.CachedTokens);
        json.WriteNumber("output_tokens", usage.GeneratedTokens);
        json.WriteStartObject("output_tokens_details");
        json.WriteNumber("thinking_tokens", answer.ReasoningTokens);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void WriteMessage(Utf8JsonWriter json, Action writeContent)
    {
        json.WriteStartObject();
        json.WriteString("id", _id);
        json.WriteString("type", "message");
        json.WriteString("role", MessageTurns.Assistant);
        json.WriteString("model", model);
        json.WriteStartArray("content");
        writeContent();
        json.WriteEndArray();
        WriteStop(json);
        WriteUsage(json);
        json.WriteEndObject();
    }
}
