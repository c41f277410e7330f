using System.Buffers;
using System.Text.Json;
using Hadal.Chat;

namespace Hadal.Cli.Chatting;

/// <summary>
/// A file of functions: OpenAI's <c>tools</c>, or an array of function objects. Each element may have a <c>command</c> besides,
/// which the model is not told of.
/// </summary>
internal static class ToolsFile
{
    private const string Function = "function";
    private const string Command = "command";

    /// <param name="file">The file.</param>
    /// <param name="option">What errors call it.</param>
    /// <exception cref="HadalException">It is no JSON, or not of that form.</exception>
    public static IReadOnlyList<ChatTool> Read(FileInfo file, string option)
    {
        JsonElement root = JsonFile.Read(file, option);
        string name = $"{option}: {Printable.Line(file.FullName)}";
        if (root.ValueKind != JsonValueKind.Array)
            throw new HadalException($"{name} must be an array of functions");
        List<ChatTool> tools = [];
        foreach (JsonElement element in root.EnumerateArray())
        {
            string path = $"{name}: [{tools.Count}]";
            ChatTool tool;
            try
            {
                tool = ReadTool(element, path);
            }
            // The latter is thrown for half of a surrogate pair.
            catch (Exception e) when (e is ConversationException or InvalidOperationException)
            {
                throw new HadalException($"{path}: {e.Message}", e);
            }
            if (tools.Exists(other => other.Definition.Name == tool.Definition.Name))
                throw new HadalException(
                    $"{path} is named '{Printable.Line(tool.Definition.Name)}', as one before it; names must differ"
                );
            tools.Add(tool);
        }
        return tools.Count > 0 ? tools : throw new HadalException($"{name} has no functions");
    }

    private static ChatTool ReadTool(JsonElement element, string path)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw new HadalException($"{path} must be an object");
        IReadOnlyList<string>? command = element.TryGetProperty(Command, out JsonElement words)
            ? ReadCommand(words, $"{path}.{Command}")
            : null;
        if (!element.TryGetProperty(Function, out JsonElement function))
            return new ChatTool(new ToolDefinition(WithoutCommand(element)), command);
        // There it would be told to the model, and not run.
        if (
            function.ValueKind == JsonValueKind.Object
            && function.TryGetProperty(Command, out JsonElement _)
        )
            throw new HadalException($"{path}.{Function}.{Command} must be beside {Function}");
        return new ChatTool(new ToolDefinition(function), command);
    }

    private static List<string> ReadCommand(JsonElement words, string path)
    {
        List<string> command =
            words.ValueKind == JsonValueKind.Array
            && words.EnumerateArray().All(word => word.ValueKind == JsonValueKind.String)
                ? [.. words.EnumerateArray().Select(word => word.GetString()!)]
                : [];
        return command is not ([] or ["", ..]) && !command.Exists(word => word.Contains('\0'))
            ? command
            : throw new HadalException(
                $"{path} must be an array of texts without NUL, first the program"
            );
    }

    private static JsonElement WithoutCommand(JsonElement function)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (JsonProperty member in function.EnumerateObject())
            {
                if (!member.NameEquals(Command))
                    member.WriteTo(json);
            }
            json.WriteEndObject();
        }
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }
}
