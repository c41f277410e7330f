using System.Text;
using System.Text.Json;
using Hadal.Generation;

namespace Hadal.Server.Responses;

/// <summary>An item with one part that is a text.</summary>
/// <param name="events">Where it tells of itself.</param>
/// <param name="index">Its place in the output.</param>
/// <param name="prefix">What its id begins with.</param>
/// <param name="part">What the part is called.</param>
internal abstract class TextItem(ResponseEvents events, int index, string prefix, string part)
    : OutputItem(events, index, prefix)
{
    private readonly StringBuilder _text = new();
    private bool _hasPart;

    public override void Begin()
    {
        base.Begin();
        _hasPart = true;
        AddPart("response.content_part.added");
    }

    /// <summary>Adds to the text.</summary>
    /// <param name="text">What to add.</param>
    /// <param name="tokens">The log-probabilities of its tokens; empty where they are not wanted.</param>
    public void Append(string text, IReadOnlyList<TokenLogProbs> tokens)
    {
        _text.Append(text);
        Take(tokens);
        AddText("delta", "delta", text, tokens);
    }

    public override void End(bool isWhole)
    {
        AddText("done", "text", _text.ToString(), Tokens);
        AddPart("response.content_part.done");
        base.End(isWhole);
    }

    /// <summary>The log-probabilities of its tokens.</summary>
    protected virtual IReadOnlyList<TokenLogProbs> Tokens => [];

    /// <summary>Takes the log-probabilities of tokens.</summary>
    protected virtual void Take(IReadOnlyList<TokenLogProbs> tokens) { }

    /// <summary>Writes fields of the part, or of an event of its text.</summary>
    protected virtual void WriteTokens(Utf8JsonWriter json, IReadOnlyList<TokenLogProbs> tokens) { }

    /// <summary>Writes fields of the part that never change.</summary>
    protected virtual void WriteNotes(Utf8JsonWriter json) { }

    /// <summary>Writes the field <c>content</c>.</summary>
    protected void WriteContent(Utf8JsonWriter json)
    {
        json.WriteStartArray("content");
        if (_hasPart)
            WritePart(json);
        json.WriteEndArray();
    }

    private void AddText(
        string type,
        string field,
        string text,
        IReadOnlyList<TokenLogProbs> tokens
    ) =>
        Add(
            $"response.{part}.{type}",
            json =>
            {
                json.WriteNumber("content_index", 0);
                json.WriteString(field, text);
                WriteTokens(json, tokens);
            }
        );

    private void AddPart(string type) =>
        Add(
            type,
            json =>
            {
                json.WriteNumber("content_index", 0);
                json.WritePropertyName("part");
                WritePart(json);
            }
        );

    private void WritePart(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", part);
        json.WriteString("text", _text.ToString());
        WriteNotes(json);
        WriteTokens(json, Tokens);
        json.WriteEndObject();
    }
}
