using System.Text.Json;
using Hadal.Generation;
using Hadal.Server.Requests;

namespace Hadal.Server.Responses;

/// <summary>What the model says.</summary>
/// <param name="events">Where it tells of itself.</param>
/// <param name="index">Its place in the output.</param>
/// <param name="logProbs">Writes the log-probabilities of its tokens.</param>
internal sealed class MessageItem(ResponseEvents events, int index, LogProbsWriter logProbs)
    : TextItem(events, index, "msg", "output_text")
{
    private readonly List<TokenLogProbs> _tokens = [];

    protected override IReadOnlyList<TokenLogProbs> Tokens => _tokens;

    protected override void Take(IReadOnlyList<TokenLogProbs> tokens) => _tokens.AddRange(tokens);

    protected override void WriteTokens(Utf8JsonWriter json, IReadOnlyList<TokenLogProbs> tokens) =>
        logProbs.WriteTokens(json, "logprobs", tokens);

    protected override void WriteNotes(Utf8JsonWriter json)
    {
        json.WriteStartArray("annotations");
        json.WriteEndArray();
    }

    protected override void WriteFields(Utf8JsonWriter json)
    {
        json.WriteString("type", "message");
        json.WriteString("role", "assistant");
        WriteContent(json);
    }
}
