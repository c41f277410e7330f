using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Server.Requests;

namespace Hadal.Server.Responses;

/// <summary>The items of a response, made of the updates of an answer, and told by events. Not thread-safe.</summary>
/// <param name="tools">The tools that it may call.</param>
/// <param name="answer">The answer's only choice.</param>
/// <param name="logProbs">Writes log-probabilities.</param>
/// <param name="events">Where it tells of itself.</param>
internal sealed class ResponseOutput(
    ResponseTools tools,
    AnswerChoice answer,
    LogProbsWriter logProbs,
    ResponseEvents events
)
{
    private readonly List<OutputItem> _items = [];

    // Of tokens of no text yet.
    private readonly List<TokenLogProbs> _pending = [];
    private OutputItem? _open;
    private int _thoughtTokens;

    /// <summary>Takes an update, the last of which ends the items.</summary>
    public void Take(AnswerUpdate update)
    {
        TakeLogProbs(update);
        foreach (ChatDelta delta in update.Deltas)
            Take(delta);
        if (update.Finish is { } finish)
            End(finish);
    }

    /// <summary>Writes the items.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartArray("output");
        foreach (OutputItem item in _items)
            item.Write(json);
        json.WriteEndArray();
    }

    /// <summary>Leaves out the item that goes on, as nothing of it follows.</summary>
    public void Drop()
    {
        if (_open is not null)
            _items.Remove(_open);
        _open = null;
    }

    private void Take(ChatDelta delta)
    {
        switch (delta.Kind)
        {
            case ChatDeltaKind.Reasoning:
                Open(index => new ReasoningItem(events, index)).Append(delta.Text, []);
                break;
            case ChatDeltaKind.Content:
                OpenMessage().Append(delta.Text, TakePending());
                break;
            case ChatDeltaKind.CallBegin:
                Close();
                // In a thought the model may call what it was not told of.
                ResponseTool tool =
                    tools.Find(delta.Text) ?? new ResponseTool(delta.Text, null, IsCustom: false);
                string callId = answer.ToolCallId(delta.Call);
                Open(index => CallItem.Of(events, index, tool, callId));
                break;
            case ChatDeltaKind.CallArguments:
                ((CallItem)_open!).Append(delta.Text);
                break;
            default:
                Close();
                break;
        }
    }

    private void End(AnswerFinish finish)
    {
        bool isWhole = finish is AnswerFinish.Stop or AnswerFinish.ToolCalls;
        // Clients look for a message.
        if (isWhole && _items.All(item => item is ReasoningItem))
            OpenMessage();
        Close(isWhole);
    }

    private MessageItem OpenMessage() => Open(index => new MessageItem(events, index, logProbs));

    /// <summary>The open item, where it is of this kind, else a new one.</summary>
    private T Open<T>(Func<int, T> create)
        where T : OutputItem
    {
        if (_open is T open)
            return open;
        Close();
        T item = create(_items.Count);
        _items.Add(item);
        _open = item;
        item.Begin();
        return item;
    }

    private void Close(bool isWhole = true)
    {
        _open?.End(isWhole);
        _open = null;
    }

    /// <summary>Tokens of thoughts, of calls and of the end are none of a message's text.</summary>
    private void TakeLogProbs(AnswerUpdate update)
    {
        bool isThought = answer.ReasoningTokens > _thoughtTokens;
        _thoughtTokens = answer.ReasoningTokens;
        if (update.LogProbs is { } token && !isThought && !logProbs.IsEnd(update))
            _pending.Add(token);
    }

    private List<TokenLogProbs> TakePending()
    {
        List<TokenLogProbs> pending = [.. _pending];
        _pending.Clear();
        return pending;
    }
}
