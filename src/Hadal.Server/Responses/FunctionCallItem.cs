using System.Text;
using System.Text.Json;

namespace Hadal.Server.Responses;

/// <summary>A call of a function.</summary>
/// <param name="events">Where it tells of itself.</param>
/// <param name="index">Its place in the output.</param>
/// <param name="tool">The function.</param>
/// <param name="callId">What its result names it by.</param>
internal sealed class FunctionCallItem(
    ResponseEvents events,
    int index,
    ResponseTool tool,
    string callId
) : CallItem(events, index, tool, callId)
{
    private const string Field = "arguments";

    private readonly StringBuilder _arguments = new();

    public override void Append(string arguments)
    {
        _arguments.Append(arguments);
        Add("response.function_call_arguments.delta", json => json.WriteString("delta", arguments));
    }

    public override void End(bool isWhole)
    {
        if (isWhole)
        {
            Add(
                "response.function_call_arguments.done",
                json =>
                {
                    json.WriteString("name", Name);
                    json.WriteString(Field, _arguments.ToString());
                }
            );
        }
        base.End(isWhole);
    }

    protected override void WriteFields(Utf8JsonWriter json)
    {
        json.WriteString("type", "function_call");
        base.WriteFields(json);
        json.WriteString(Field, _arguments.ToString());
    }
}
