using System.Buffers;
using System.Text;
using System.Text.Json;
using Hadal.Chat;
using Hadal.Json;
using Hadal.Server.Http;

namespace Hadal.Server.Responses;

/// <summary>Tools of the Responses API as the functions that the model is told of.</summary>
internal static class ToolFunctions
{
    /// <summary>The only parameter of a custom tool.</summary>
    public const string Input = "input";

    /// <summary>A function has the fields here that it has in a chat, without an object of its own around them.</summary>
    /// <param name="tool">The tool.</param>
    /// <param name="name">What the model is to call it.</param>
    /// <exception cref="ConversationException">It is not as it must be.</exception>
    public static ToolDefinition OfFunction(JsonFields tool, string name) =>
        Define(
            tool.Path,
            json =>
            {
                json.WriteString("name", name);
                foreach (string field in (string[])["description", "parameters", "strict"])
                {
                    if (tool.Optional(field) is not { } value)
                        continue;
                    json.WritePropertyName(field);
                    value.WriteTo(json);
                }
            }
        );

    /// <summary>
    /// A custom tool takes one text. A regular expression that the text must match is kept to; a Lark grammar is only told.
    /// </summary>
    /// <param name="tool">The tool.</param>
    /// <param name="name">What the model is to call it.</param>
    /// <exception cref="ApiException">It is not as it must be.</exception>
    public static ToolDefinition OfCustom(JsonFields tool, string name)
    {
        List<string> description = tool.Has("description") ? [tool.Text("description")] : [];
        string? pattern = null;
        if (
            tool.OptionalObject("format") is { } format
            && format.RequireText("type", "text", "grammar") == "grammar"
        )
        {
            string syntax = format.RequireText("syntax", "lark", "regex");
            string definition = format.Text("definition");
            if (syntax == "regex")
                pattern = $"^(?:{definition})$";
            description.Add($"The input must fit this grammar ({syntax}):\n{definition}");
        }
        ToolDefinition function = Define(
            tool.Path,
            json =>
            {
                json.WriteString("name", name);
                json.WriteString("description", string.Join("\n\n", description));
                json.WriteStartObject("parameters");
                json.WriteString("type", "object");
                json.WriteStartObject("properties");
                json.WriteStartObject(Input);
                json.WriteString("type", "string");
                if (pattern is not null)
                    json.WriteString("pattern", pattern);
                json.WriteEndObject();
                json.WriteEndObject();
                json.WriteStartArray("required");
                json.WriteStringValue(Input);
                json.WriteEndArray();
                json.WriteBoolean("additionalProperties", false);
                json.WriteEndObject();
            }
        );
        return new ToolDefinition(function.Function) { SchemaUse = ToolSchemaUse.Kept };
    }

    /// <summary>The arguments that a custom tool was called with.</summary>
    public static string ArgumentsOf(string input) =>
        new StringBuilder($"{{\"{Input}\": \"").AppendEscaped(input).Append("\"}").ToString();

    private static ToolDefinition Define(string path, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonReply.Writer))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return new ToolDefinition(document.RootElement, path);
    }
}
