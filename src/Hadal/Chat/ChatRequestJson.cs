using System.Text.Json;
using Hadal.Json;

namespace Hadal.Chat;

/// <summary>
/// Reads what a prompt is made of from a request of OpenAI's chat completions. Fields that are not known are passed over.
/// </summary>
public static class ChatRequestJson
{
    /// <summary>What errors call the request itself.</summary>
    internal const string Root = "request";

    private const string ThinkingField = "thinking";

    /// <summary>How hard a model may be asked to think; all but <c>none</c> are one to DeepSeek's.</summary>
    internal static readonly string[] Efforts =
    [
        "none",
        "minimal",
        "low",
        "medium",
        "high",
        "xhigh",
        "max",
    ];

    /// <summary>
    /// The conversation of a request: <c>messages</c>, <c>tools</c> (none where <c>tool_choice</c> is <c>none</c>), and the
    /// schema of <c>response_format</c>, which other forms than <c>json_schema</c> have none of. Whether the model thinks is told
    /// by the first of these that is there: <c>thinking</c> (<c>true</c>, or <c>{"type": "enabled"}</c>),
    /// <c>chat_template_kwargs.thinking</c>, <c>chat_template_kwargs.enable_thinking</c>, and <c>reasoning_effort</c>, which all
    /// but <c>none</c> turn on; without them it doesn't.
    /// </summary>
    /// <param name="request">The request. Texts are copied from it.</param>
    /// <exception cref="ConversationException">A field is of another type or form; the message begins with its path.</exception>
    public static ChatConversation Read(JsonElement request)
    {
        try
        {
            var root = new JsonFields(request, Root, ConversationException.Create);
            return new ChatConversation
            {
                Turns = [.. root.Array("messages").EnumerateArray().Select(ChatMessageJson.Read)],
                Tools = ReadTools(root),
                ResponseSchema = ReadSchema(root),
                Thinking = ReadThinking(root),
            };
        }
        // A name that is compared may have half of a surrogate pair.
        catch (InvalidOperationException e)
        {
            throw new ConversationException(Root, "has a name that is not Unicode text", e);
        }
    }

    private static List<ToolDefinition> ReadTools(JsonFields root)
    {
        if (!root.Has("tools"))
            return [];
        List<ToolDefinition> tools = [];
        foreach (JsonElement element in root.Array("tools").EnumerateArray())
        {
            string path = $"tools[{tools.Count}]";
            var tool = new JsonFields(element, path, ConversationException.Create);
            tool.Require("type", "function");
            tools.Add(new ToolDefinition(tool.Get("function"), $"{path}.function"));
        }
        bool isOff =
            root.Optional("tool_choice") is { ValueKind: JsonValueKind.String } choice
            && choice.ValueEquals("none");
        return isOff ? [] : tools;
    }

    private static JsonElement? ReadSchema(JsonFields root)
    {
        if (root.OptionalObject("response_format") is not { } format)
            return null;
        if (format.RequireText("type", "text", "json_object", "json_schema") != "json_schema")
            return null;
        JsonFields named = format.Object("json_schema");
        _ = named.Object("schema");
        return named.Get("schema").Clone();
    }

    private static bool ReadThinking(JsonFields root)
    {
        if (root.Optional(ThinkingField) is { } thinking)
            return thinking.ValueKind == JsonValueKind.Object
                ? root.Object(ThinkingField).RequireText("type", "enabled", "disabled") == "enabled"
                : root.Flag(ThinkingField);
        if (root.OptionalObject("chat_template_kwargs") is { } arguments)
        {
            foreach (string name in (string[])[ThinkingField, "enable_thinking"])
            {
                if (arguments.Has(name))
                    return arguments.Flag(name);
            }
        }
        return root.Has("reasoning_effort")
            && root.RequireText("reasoning_effort", Efforts) != "none";
    }
}
