using System.Buffers;
using System.Text.Json;
using Hadal.Chat;
using Hadal.Json;
using Hadal.Server.Http;

namespace Hadal.Server.Messages;

/// <summary>The tools of a request of <c>/v1/messages</c>.</summary>
internal static class MessageTools
{
    /// <exception cref="ApiException">A tool is not as it must be, or is one that Anthropic defines.</exception>
    public static List<ToolDefinition> Read(JsonFields request)
    {
        List<ToolDefinition> tools = [];
        if (!request.Has("tools"))
            return tools;
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (JsonElement element in request.Array("tools").EnumerateArray())
        {
            var tool = new JsonFields(element, $"tools[{tools.Count}]", ApiException.Create);
            if (tool.Has("type") && tool.Text("type") != "custom")
                throw tool.Bad(
                    "type",
                    "must be 'custom': tools that Anthropic defines are not here; send a tool with an input_schema"
                );
            string name = tool.Text("name");
            if (name.Length == 0)
                throw tool.Bad("name", "must not be empty");
            if (!names.Add(name))
                throw tool.Bad("name", "as of a tool before it; names must differ");
            tools.Add(
                new ToolDefinition(Function(tool), tool.Path)
                {
                    // As the API has it: only a strict tool is promised arguments of its schema.
                    SchemaUse = tool.IsTrue("strict")
                        ? ToolSchemaUse.Kept
                        : ToolSchemaUse.KeptWherePossible,
                }
            );
        }
        return tools;
    }

    /// <summary>The function as OpenAI's API has it, which is what models are told.</summary>
    private static JsonElement Function(JsonFields tool)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("name", tool.Text("name"));
            if (tool.Has("description"))
                json.WriteString("description", tool.Text("description"));
            _ = tool.Object("input_schema");
            json.WritePropertyName("parameters");
            tool.Get("input_schema").WriteTo(json);
            json.WriteEndObject();
        }
        var reader = new Utf8JsonReader(buffer.WrittenSpan);
        return JsonElement.ParseValue(ref reader);
    }
}
