using Hadal.Chat;

namespace Hadal.Server.Responses;

/// <summary>
/// Makes the turns of a conversation of the items that the Responses API has for them: a thought, a message and calls that
/// follow each other are one turn.
/// </summary>
internal sealed class ResponseTurns
{
    private readonly List<ChatTurn> _turns = [];
    private readonly List<TurnPaths> _paths = [];
    private readonly List<ToolCall> _calls = [];
    private readonly List<string> _callPaths = [];
    private ChatTurn? _answer;
    private string _answerPath = "";

    /// <summary>The turns that are ended.</summary>
    public IReadOnlyList<ChatTurn> Turns => _turns;

    /// <summary>Where each of them is in the request.</summary>
    public IReadOnlyList<TurnPaths> Paths => _paths;

    /// <summary>Adds what is not the model's.</summary>
    public void Add(ChatTurn turn, string path)
    {
        EndAnswer();
        _turns.Add(turn);
        _paths.Add(new TurnPaths(path, []));
    }

    /// <summary>Adds what the model thought: a turn begins with it, unless it stands between a call and the call's result.</summary>
    public void AddReasoning(string text, string path)
    {
        if (text.Length == 0)
            return;
        if (_calls.Count == 0 && _answer is { Content.Length: > 0 })
            EndAnswer();
        ChatTurn answer = Answer(path);
        _answer = answer with { Reasoning = answer.Reasoning + text };
    }

    /// <summary>Adds what the model said: a turn has one message, unless one more stands between a call and the call's result.</summary>
    public void AddMessage(string text, string path)
    {
        if (_calls.Count == 0 && _answer is { Content.Length: > 0 })
            EndAnswer();
        ChatTurn answer = Answer(path);
        _answer = ChatTurn.Assistant(answer.Content + text) with { Reasoning = answer.Reasoning };
    }

    /// <summary>Adds a call of the model.</summary>
    public void AddCall(ToolCall call, string path)
    {
        _ = Answer(path);
        _calls.Add(call);
        _callPaths.Add(path);
    }

    /// <summary>Ends the model's turn, if there is one.</summary>
    public void EndAnswer()
    {
        if (_answer is null)
            return;
        _turns.Add(_answer with { ToolCalls = [.. _calls] });
        _paths.Add(new TurnPaths(_answerPath, [.. _callPaths]));
        _answer = null;
        _calls.Clear();
        _callPaths.Clear();
    }

    private ChatTurn Answer(string path)
    {
        if (_answer is null)
        {
            _answer = ChatTurn.Assistant("");
            _answerPath = path;
        }
        return _answer;
    }
}
