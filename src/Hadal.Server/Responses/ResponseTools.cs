using System.Text.Json;
using Hadal.Chat;
using Hadal.Json;
using Hadal.Server.Http;

namespace Hadal.Server.Responses;

/// <summary>
/// The field <c>tools</c>. Functions and custom tools can be called, those of a namespace too. Built-in tools that the model is
/// free to use are passed over; those that bring data or run the client's machine are refused.
/// </summary>
internal sealed class ResponseTools
{
    private const string WebSearch = "web_search";

    private static readonly Dictionary<string, string> s_refused = new()
    {
        ["file_search"] = "search yourself, and send what you found as a message",
        ["code_interpreter"] = "send a function that runs code",
        ["computer"] = "send functions instead",
        ["computer_use"] = "send functions instead",
        ["computer_use_preview"] = "send functions instead",
        ["local_shell"] = "send a function that runs commands",
        ["shell"] = "send a function that runs commands",
        ["apply_patch"] = "send a custom tool that takes patches",
        ["mcp"] = "ask the server yourself, and send its tools as functions",
        ["programmatic_tool_calling"] = "leave it out",
    };

    private readonly Dictionary<string, (ResponseTool Tool, ToolDefinition Definition)> _byName =
        new(StringComparer.Ordinal);
    private readonly HashSet<string> _passedOver = new(StringComparer.Ordinal);

    private ResponseTools() { }

    /// <summary>The tools that can be called, in order.</summary>
    public IReadOnlyList<ResponseTool> Callable => [.. _byName.Values.Select(one => one.Tool)];

    /// <exception cref="ApiException">A tool is not as it must be, or can't be had.</exception>
    /// <exception cref="ConversationException">A function is not as it must be.</exception>
    public static ResponseTools Read(JsonFields request)
    {
        var tools = new ResponseTools();
        if (request.Has("tools"))
            tools.ReadAll(request.Array("tools"), "tools", null);
        return tools;
    }

    /// <summary>The tool that the model knows by a name; null for none.</summary>
    public ResponseTool? Find(string toldName) => _byName.GetValueOrDefault(toldName).Tool;

    /// <summary>What the model is told of a tool that can be called.</summary>
    public ToolDefinition DefinitionOf(ResponseTool tool) => _byName[tool.ToldName].Definition;

    /// <summary>Whether a built-in tool of a kind was sent, which is never called.</summary>
    public bool HasPassedOver(string kind) => _passedOver.Contains(kind);

    private void ReadAll(JsonElement elements, string path, string? space)
    {
        int index = 0;
        foreach (JsonElement element in elements.EnumerateArray())
        {
            string at = $"{path}[{index++}]";
            var tool = new JsonFields(element, at, ApiException.Create);
            string kind = tool.Text("type");
            switch (kind)
            {
                case "function":
                    Add(tool, space, isCustom: false);
                    break;
                case "custom":
                    Add(tool, space, isCustom: true);
                    break;
                case "namespace" when space is null:
                    ReadAll(tool.Array("tools"), $"{at}.tools", tool.Text("name"));
                    break;
                default:
                    PassOver(kind, $"{at}.type");
                    break;
            }
        }
    }

    private void Add(JsonFields tool, string? space, bool isCustom)
    {
        string name = tool.Text("name");
        if (name.Length == 0)
            throw tool.Bad("name", "must not be empty");
        var added = new ResponseTool(name, space, isCustom);
        string told = added.ToldName;
        ToolDefinition definition = isCustom
            ? ToolFunctions.OfCustom(tool, told)
            : ToolFunctions.OfFunction(tool, told);
        if (!_byName.TryAdd(told, (added, definition)))
            throw tool.Bad("name", "must not be that of a tool before it");
    }

    private void PassOver(string kind, string path)
    {
        bool isFree =
            kind.StartsWith(WebSearch, StringComparison.Ordinal)
            || kind is "image_generation" or "tool_search";
        if (!isFree)
            throw ApiException.Field(
                path,
                $"is '{QuotedText.Shorten(kind)}', which is not supported; {s_refused.GetValueOrDefault(kind, "send functions or custom tools")}"
            );
        _passedOver.Add(kind);
    }
}
