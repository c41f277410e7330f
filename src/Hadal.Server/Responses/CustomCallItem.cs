using System.Text.Json;

namespace Hadal.Server.Responses;

/// <summary>A call of a custom tool: the model writes its input as the only argument of a function.</summary>
/// <param name="events">Where it tells of itself.</param>
/// <param name="index">Its place in the output.</param>
/// <param name="tool">The tool.</param>
/// <param name="callId">What its result names it by.</param>
internal sealed class CustomCallItem(
    ResponseEvents events,
    int index,
    ResponseTool tool,
    string callId
) : CallItem(events, index, tool, callId)
{
    private readonly InputText _input = new();

    public override void Append(string arguments)
    {
        string text = _input.Take(arguments);
        if (text.Length > 0)
            Add("response.custom_tool_call_input.delta", json => json.WriteString("delta", text));
    }

    public override void End(bool isWhole)
    {
        if (isWhole)
            Add(
                "response.custom_tool_call_input.done",
                json => json.WriteString("input", _input.Text)
            );
        base.End(isWhole);
    }

    protected override void WriteFields(Utf8JsonWriter json)
    {
        json.WriteString("type", "custom_tool_call");
        base.WriteFields(json);
        json.WriteString("input", _input.Text);
    }
}
