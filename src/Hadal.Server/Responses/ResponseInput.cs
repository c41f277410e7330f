using System.Text;
using System.Text.Json;
using Hadal.Chat;
using Hadal.Json;
using Hadal.Server.Http;

namespace Hadal.Server.Responses;

/// <summary>Reads the fields <c>instructions</c> and <c>input</c>.</summary>
internal static class ResponseInput
{
    private const string Field = "input";
    private const string CallId = "call_id";
    private const string InputText = "input_text";
    private const string Image = "input_image";
    private const string File = "input_file";
    private const string Refusal = "refusal";

    /// <exception cref="ApiException">A field is not as it must be, or can't be had.</exception>
    public static ResponseTurns Read(JsonFields request)
    {
        var turns = new ResponseTurns();
        if (request.Has("instructions"))
            turns.Add(ChatTurn.System(request.Text("instructions")), "instructions");
        if (request.Optional(Field) is not { } input)
            throw ApiException.Field(Field, "is missing; send a text, or the conversation's items");
        if (input.ValueKind == JsonValueKind.String)
        {
            turns.Add(ChatTurn.User(request.Text(Field)), Field);
            return turns;
        }
        if (input.ValueKind != JsonValueKind.Array || input.GetArrayLength() == 0)
            throw request.Bad(Field, "must be a text, or an array of one item or more");
        int index = 0;
        foreach (JsonElement element in input.EnumerateArray())
            ReadItem(new JsonFields(element, $"{Field}[{index++}]", ApiException.Create), turns);
        turns.EndAnswer();
        return turns;
    }

    private static void ReadItem(JsonFields item, ResponseTurns turns)
    {
        switch (item.Has("type") ? item.Text("type") : "message")
        {
            case "message":
                ReadMessage(item, turns);
                break;
            case "reasoning":
                if (item.Has("content"))
                    turns.AddReasoning(Texts(item, "content", "reasoning_text", "text"), item.Path);
                break;
            case "function_call":
                AddCall(item.Text("arguments"));
                break;
            case "custom_tool_call":
                AddCall(ToolFunctions.ArgumentsOf(item.Text("input")));
                break;
            case "function_call_output":
            case "custom_tool_call_output":
                string result = Texts(item, "output", InputText, Image, File);
                turns.Add(ChatTurn.Tool(item.Text(CallId), result), item.Path);
                break;
            case "item_reference":
                throw item.Bad("type", "but nothing is stored here; send the item itself");
            default:
                throw item.Bad(
                    "type",
                    "must be message, reasoning, function_call, function_call_output, custom_tool_call or custom_tool_call_output"
                );
        }

        void AddCall(string arguments)
        {
            string? space = item.Has("namespace") ? item.Text("namespace") : null;
            var tool = new ResponseTool(item.Text("name"), space, IsCustom: false);
            turns.AddCall(new ToolCall(item.Text(CallId), tool.ToldName, arguments), item.Path);
        }
    }

    private static void ReadMessage(JsonFields item, ResponseTurns turns)
    {
        string role = item.RequireText("role", "user", "assistant", "system", "developer");
        string text = Texts(item, "content", InputText, "output_text", Refusal);
        switch (role)
        {
            case "assistant":
                turns.AddMessage(text, item.Path);
                break;
            case "user":
                turns.Add(ChatTurn.User(text), item.Path);
                break;
            default:
                turns.Add(ChatTurn.System(text), item.Path);
                break;
        }
    }

    /// <summary>A text, or the texts of an array's parts joined.</summary>
    private static string Texts(JsonFields item, string name, params string[] types)
    {
        if (item.Get(name).ValueKind != JsonValueKind.Array)
            return item.Text(name);
        var text = new StringBuilder();
        int index = 0;
        foreach (JsonElement element in item.Array(name).EnumerateArray())
        {
            var part = new JsonFields(
                element,
                $"{item.Path}.{name}[{index++}]",
                ApiException.Create
            );
            text.Append(
                part.RequireText("type", types) switch
                {
                    // The model must know what it asked for and can't have.
                    Image => "[An image: you can read text alone]",
                    File => "[A file: you can read text alone]",
                    Refusal => part.Text(Refusal),
                    _ => part.Text("text"),
                }
            );
        }
        return text.ToString();
    }
}
