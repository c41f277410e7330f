using System.Text.Json;
using Hadal.Answering;
using Hadal.Json;
using Hadal.Server.Http;

namespace Hadal.Server.Responses;

/// <summary>The field <c>tool_choice</c>.</summary>
/// <param name="Choice">Whether the answer calls tools.</param>
/// <param name="Tools">Those that the model is told of and may call.</param>
internal readonly record struct ResponseToolChoice(
    ToolChoice Choice,
    IReadOnlyList<ResponseTool> Tools
)
{
    private const string Field = "tool_choice";

    /// <exception cref="ApiException">It is not as it must be, or names a tool that can't be called.</exception>
    public static ResponseToolChoice Read(JsonFields request, ResponseTools tools)
    {
        if (request.Optional(Field) is not { } choice)
            return new(ToolChoice.Auto, tools.Callable);
        if (choice.ValueKind == JsonValueKind.Object)
        {
            JsonFields named = request.Object(Field);
            return named.Text("type") == "allowed_tools"
                ? ReadAllowed(named, tools)
                : new(ToolChoice.Tool(Named(named, tools).ToldName), tools.Callable);
        }
        return request.RequireText(Field, "none", "auto", "required") switch
        {
            "none" => new(ToolChoice.None, []),
            "required" => new(ToolChoice.Required, tools.Callable),
            _ => new(ToolChoice.Auto, tools.Callable),
        };
    }

    private static ResponseToolChoice ReadAllowed(JsonFields allowed, ResponseTools tools)
    {
        ToolChoice choice =
            allowed.RequireText("mode", "auto", "required") == "auto"
                ? ToolChoice.Auto
                : ToolChoice.Required;
        var callable = new HashSet<ResponseTool>();
        int index = 0;
        foreach (JsonElement element in allowed.Array("tools").EnumerateArray())
        {
            var tool = new JsonFields(element, $"{Field}.tools[{index++}]", ApiException.Create);
            if (!tools.HasPassedOver(tool.Text("type")))
                callable.Add(Named(tool, tools));
        }
        return new(choice, [.. tools.Callable.Where(callable.Contains)]);
    }

    private static ResponseTool Named(JsonFields choice, ResponseTools tools)
    {
        bool isCustom = choice.RequireText("type", "function", "custom") == "custom";
        string? space = choice.Has("namespace") ? choice.Text("namespace") : null;
        var tool = new ResponseTool(choice.Text("name"), space, isCustom);
        return tools.Find(tool.ToldName) == tool
            ? tool
            : throw choice.Bad("name", "must be the name of one of tools, of the same type");
    }
}
