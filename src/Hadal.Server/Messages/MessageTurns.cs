using Hadal.Chat;
using Hadal.Json;
using Hadal.Server.Http;

namespace Hadal.Server.Messages;

/// <summary>
/// Makes the turns of a conversation. Messages of one role that follow each other are one turn, as the API has it; results of
/// tools go before what the user says beside them. Texts that users, tools and the system send as several blocks are paragraphs;
/// those of an answer are one text. Not thread-safe.
/// </summary>
internal sealed class MessageTurns
{
    public const string System = "system";
    public const string User = "user";
    public const string Assistant = "assistant";

    private const string Paragraph = "\n\n";
    private const string Thinking = "thinking";
    private const string ToolUse = "tool_use";
    private const string ToolResult = "tool_result";

    private static readonly string[] s_texts = [MessageBlock.TextKind];
    private static readonly string[] s_ofUser = [MessageBlock.TextKind, ToolResult];
    private static readonly string[] s_ofAssistant =
    [
        MessageBlock.TextKind,
        Thinking,
        "redacted_thinking",
        ToolUse,
    ];

    private readonly List<ChatTurn> _turns = [];
    private readonly List<string> _texts = [];
    private readonly List<string> _thoughts = [];
    private readonly List<ToolCall> _calls = [];
    private readonly OrderedDictionary<string, string> _open = []; // Calls without result: ids and paths.
    private bool _hasResults;

    /// <summary>The role of the last message; null before the first.</summary>
    public string? Role { get; private set; }

    /// <summary>Adds a message.</summary>
    /// <param name="role">Its role.</param>
    /// <param name="message">Has its blocks.</param>
    /// <param name="field">Where.</param>
    /// <exception cref="ApiException">A block is not as it must be, or stands where none of its type may.</exception>
    public void Add(string role, JsonFields message, string field)
    {
        if (role != Role)
            EndTurn();
        Role = role;
        string[] kinds = role switch
        {
            User => s_ofUser,
            Assistant => s_ofAssistant,
            _ => s_texts,
        };
        foreach (MessageBlock block in MessageBlock.Read(message, field, kinds))
            Add(block);
    }

    /// <summary>Ends the last turn.</summary>
    /// <returns>All turns.</returns>
    /// <exception cref="ApiException">A call has no result.</exception>
    public IReadOnlyList<ChatTurn> End()
    {
        EndTurn();
        return _turns;
    }

    private void Add(MessageBlock block)
    {
        switch (block.Kind)
        {
            case MessageBlock.TextKind:
                _texts.Add(block.Text);
                break;
            case Thinking:
                _thoughts.Add(block.Fields.Text("thinking"));
                break;
            case ToolUse:
                AddCall(block.Fields);
                break;
            case ToolResult:
                AddResult(block.Fields);
                break;
        }
    }

    private void AddCall(JsonFields call)
    {
        string id = call.Text("id");
        if (!_open.TryAdd(id, call.Path))
            throw call.Bad("id", "as of a call before it; ids must differ");
        _ = call.Object("input");
        _calls.Add(
            new ToolCall(ToolUseId.Read(id), call.Text("name"), call.Get("input").GetRawText())
        );
    }

    private void AddResult(JsonFields result)
    {
        string id = result.Text("tool_use_id");
        if (!_open.Remove(id))
            throw result.Bad(
                "tool_use_id",
                "must be the id of a tool_use in the message before, each once"
            );
        string text = result.Has("content")
            ? Joined(MessageBlock.Read(result, "content", s_texts).Select(block => block.Text))
            : "";
        _turns.Add(
            ChatTurn.Tool(ToolUseId.Read(id), result.IsTrue("is_error") ? $"Error: {text}" : text)
        );
        _hasResults = true;
    }

    private void EndTurn()
    {
        if (Role == Assistant)
        {
            _turns.Add(
                ChatTurn.Assistant(string.Concat(_texts)) with
                {
                    Reasoning = _thoughts.Count > 0 ? string.Concat(_thoughts) : null,
                    ToolCalls = _calls,
                }
            );
        }
        else
        {
            if (_open.Count > 0)
                throw ApiException.Field(
                    _open.GetAt(0).Value,
                    $"the call '{QuotedText.Shorten(_open.GetAt(0).Key)}' has no tool_result; the next message must have those of all calls"
                );
            string text = Joined(_texts);
            if (Role == System)
                _turns.Add(ChatTurn.System(text));
            else if (Role == User && (text.Length > 0 || !_hasResults))
                _turns.Add(ChatTurn.User(text));
        }
        _texts.Clear();
        _thoughts.Clear();
        _calls.Clear();
        _hasResults = false;
    }

    private static string Joined(IEnumerable<string> texts) =>
        string.Join(Paragraph, texts.Where(static text => text.Length > 0));
}
