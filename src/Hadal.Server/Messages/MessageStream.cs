using System.Text;
using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Server.Http;

namespace Hadal.Server.Messages;

/// <summary>
/// Streams an answer as <c>/v1/messages</c> does: blocks come one after another, and each ends before the next begins, one that
/// is cut too. Not thread-safe.
/// </summary>
/// <param name="events">Where to.</param>
/// <param name="writer">Writes the parts that a whole answer has, too.</param>
internal sealed class MessageStream(ServerSentEvents events, MessageWriter writer)
{
    private readonly StringBuilder _thought = new();
    private bool _hasBegun;
    private ChatDeltaKind? _open; // What the deltas of the block are.
    private int _index = -1;

    /// <summary>Adds what an update tells.</summary>
    public void Add(AnswerUpdate update)
    {
        Begin();
        foreach (ChatDelta delta in update.Deltas)
        {
            if (delta.Kind == ChatDeltaKind.CallEnd)
            {
                EndBlock();
                continue;
            }
            if (delta.Kind == ChatDeltaKind.CallBegin || delta.Kind != _open)
                BeginBlock(delta);
            if (delta.Kind != ChatDeltaKind.CallBegin)
                AddDelta(delta);
        }
    }

    /// <summary>Adds what keeps the connection open while nothing comes.</summary>
    public void AddPing()
    {
        Begin();
        AddEvent("ping", static _ => { });
    }

    /// <summary>Adds the end.</summary>
    public void End()
    {
        Begin();
        EndBlock();
        AddEvent(
            "message_delta",
            json =>
            {
                json.WriteStartObject("delta");
                writer.WriteStop(json);
                json.WriteEndObject();
                writer.WriteUsage(json);
            }
        );
        AddEvent("message_stop", static _ => { });
    }

    /// <summary>Sends what was added.</summary>
    public Task FlushAsync() => events.FlushAsync();

    private void Begin()
    {
        if (_hasBegun)
            return;
        _hasBegun = true;
        AddEvent(
            "message_start",
            json =>
            {
                json.WritePropertyName("message");
                writer.WriteStart(json);
            }
        );
    }

    private void BeginBlock(ChatDelta delta)
    {
        EndBlock();
        _open = delta.Kind == ChatDeltaKind.CallBegin ? ChatDeltaKind.CallArguments : delta.Kind;
        _index++;
        AddBlockEvent(
            "content_block_start",
            json =>
            {
                json.WritePropertyName("content_block");
                switch (_open)
                {
                    case ChatDeltaKind.Reasoning:
                        MessageWriter.WriteThought(json, "", "");
                        break;
                    case ChatDeltaKind.Content:
                        MessageWriter.WriteText(json, "");
                        break;
                    default:
                        string id = ToolUseId.Of(writer.Choice.ToolCallId(delta.Call));
                        MessageWriter.WriteCall(json, id, delta.Text, "{}");
                        break;
                }
            }
        );
    }

    private void EndBlock()
    {
        if (_open is null)
            return;
        if (_open == ChatDeltaKind.Reasoning)
            AddDelta(
                "signature_delta",
                "signature",
                MessageWriter.SignatureOf(_thought.ToString())
            );
        _open = null;
        AddBlockEvent("content_block_stop", static _ => { });
    }

    private void AddDelta(ChatDelta delta)
    {
        switch (delta.Kind)
        {
            case ChatDeltaKind.Reasoning:
                _thought.Append(delta.Text);
                if (!writer.OmitsThoughts)
                    AddDelta("thinking_delta", "thinking", delta.Text);
                break;
            case ChatDeltaKind.Content:
                AddDelta("text_delta", "text", delta.Text);
                break;
            default:
                AddDelta("input_json_delta", "partial_json", delta.Text);
                break;
        }
    }

    private void AddDelta(string type, string field, string value) =>
        AddBlockEvent(
            "content_block_delta",
            json =>
            {
                json.WriteStartObject("delta");
                json.WriteString("type", type);
                json.WriteString(field, value);
                json.WriteEndObject();
            }
        );

    private void AddBlockEvent(string name, Action<Utf8JsonWriter> write) =>
        AddEvent(
            name,
            json =>
            {
                json.WriteNumber("index", _index);
                write(json);
            }
        );

    private void AddEvent(string name, Action<Utf8JsonWriter> write) =>
        events.Add(
            json =>
            {
                json.WriteStartObject();
                json.WriteString("type", name);
                write(json);
                json.WriteEndObject();
            },
            name
        );
}
