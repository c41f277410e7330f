using System.Text.Json;

namespace Hadal.Server.Responses;

/// <summary>A call of a tool.</summary>
/// <param name="events">Where it tells of itself.</param>
/// <param name="index">Its place in the output.</param>
/// <param name="tool">The tool.</param>
/// <param name="callId">What its result names it by.</param>
internal abstract class CallItem(ResponseEvents events, int index, ResponseTool tool, string callId)
    : OutputItem(events, index, tool.IsCustom ? "ctc" : "fc")
{
    /// <summary>What the client calls the tool.</summary>
    protected string Name => tool.Name;

    /// <summary>The item of a call.</summary>
    public static CallItem Of(ResponseEvents events, int index, ResponseTool tool, string callId) =>
        tool.IsCustom
            ? new CustomCallItem(events, index, tool, callId)
            : new FunctionCallItem(events, index, tool, callId);

    /// <summary>Adds to the arguments.</summary>
    public abstract void Append(string arguments);

    protected override void WriteFields(Utf8JsonWriter json)
    {
        json.WriteString("call_id", callId);
        json.WriteString("name", Name);
        if (tool.Namespace is { } space)
            json.WriteString("namespace", space);
    }
}
