using System.Text;
using System.Text.Json;
using Hadal.Json;

namespace Hadal.Chat;

/// <summary>Reads a message of OpenAI's chat completions.</summary>
internal static class ChatMessageJson
{
    private const string Content = "content";
    private const string Calls = "tool_calls";

    /// <param name="element">The message.</param>
    /// <param name="index">Its place among the messages.</param>
    /// <exception cref="ConversationException">A field is of another type or form.</exception>
    public static ChatTurn Read(JsonElement element, int index)
    {
        var message = new JsonFields(element, $"messages[{index}]", ConversationException.Create);
        return message.RequireText(
            "role",
            "system",
            "developer",
            "user",
            "assistant",
            "tool"
        ) switch
        {
            "user" => ChatTurn.User(ReadContent(message)),
            "assistant" => ReadAnswer(message),
            "tool" => ChatTurn.Tool(message.Text("tool_call_id"), ReadContent(message)),
            _ => ChatTurn.System(ReadContent(message)),
        };
    }

    private static ChatTurn ReadAnswer(JsonFields message)
    {
        List<ToolCall> calls = [];
        if (message.Has(Calls))
        {
            foreach (JsonElement call in message.Array(Calls).EnumerateArray())
                calls.Add(ReadCall(call, $"{message.Path}.{Calls}[{calls.Count}]"));
        }
        string? reasoning =
            OptionalText(message, "reasoning_content") ?? OptionalText(message, "reasoning");
        // An answer may be calls alone, or a thought that was cut.
        bool isOptional = calls.Count > 0 || reasoning is not null;
        string content = isOptional && !message.Has(Content) ? "" : ReadContent(message);
        return ChatTurn.Assistant(content) with { Reasoning = reasoning, ToolCalls = calls };
    }

    private static ToolCall ReadCall(JsonElement element, string path)
    {
        var call = new JsonFields(element, path, ConversationException.Create);
        call.RequireOrAbsent("type", "function");
        string id = call.Text("id");
        JsonFields function = call.Object("function");
        return new ToolCall(id, function.Text("name"), function.Text("arguments"));
    }

    private static string? OptionalText(JsonFields message, string name) =>
        message.Has(name) ? message.Text(name) : null;

    /// <summary>A text, or the texts of an array's parts joined.</summary>
    private static string ReadContent(JsonFields message)
    {
        if (message.Get(Content).ValueKind != JsonValueKind.Array)
            return message.Text(Content);
        var text = new StringBuilder();
        int index = 0;
        foreach (JsonElement element in message.Array(Content).EnumerateArray())
        {
            var part = new JsonFields(
                element,
                $"{message.Path}.{Content}[{index++}]",
                ConversationException.Create
            );
            part.Require("type", "text");
            text.Append(part.Text("text"));
        }
        return text.ToString();
    }
}
