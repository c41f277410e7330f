using System.Text.Json;
using Hadal.Answering;
using Hadal.Model;
using Hadal.Tokenization;

namespace Hadal.Server.Selections;

/// <summary>What attention chose for the tokens of an answer, until it is written.</summary>
/// <param name="answer">The answer.</param>
/// <param name="model">The model.</param>
/// <param name="tokenizer">Its tokenizer.</param>
/// <param name="limit">The most tokens of a choice that tell it.</param>
internal sealed class AnswerSelections(
    ChatAnswer answer,
    DeepSeekModel model,
    DeepSeekTokenizer tokenizer,
    int limit
)
{
    private readonly SelectionWriter _writer = new(model, tokenizer);
    private readonly List<(int Id, TokenSelection Selection)>[] _pending =
    [
        .. answer.Choices.Select(static _ => new List<(int, TokenSelection)>()),
    ];

    /// <summary>Takes an update.</summary>
    public void Take(AnswerUpdate update)
    {
        if (update.Selection is { } selection)
            _pending[update.Choice].Add((update.TokenId, selection));
    }

    /// <summary>Writes the field <c>selection</c> of the answer, which choices have in common.</summary>
    public void WriteAnswer(Utf8JsonWriter json)
    {
        json.WriteStartObject("selection");
        json.WriteNumber("limit", limit);
        _writer.WriteSequence(json, answer.Prompt.Span);
        json.WriteEndObject();
    }

    /// <summary>Writes the field <c>hadal</c> of a choice: the tokens since it was last written; nothing where there are none.</summary>
    public void WriteChoice(Utf8JsonWriter json, int choice)
    {
        List<(int, TokenSelection)> pending = _pending[choice];
        if (pending.Count == 0)
            return;
        json.WriteStartObject(Requests.HadalField.Name);
        json.WriteStartArray("selection");
        foreach ((int id, TokenSelection selection) in pending)
            _writer.WriteToken(json, id, selection);
        json.WriteEndArray();
        json.WriteEndObject();
        pending.Clear();
    }
}
