using System.Text;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Tokenization;

namespace Hadal.Answering;

/// <summary>One of the answers to a request, as far as its updates were read. Not thread-safe.</summary>
public sealed class AnswerChoice
{
    // The parser needs them as text, special or not.
    private static readonly string[] s_marks =
    [
        ChatMarks.ThinkEnd,
        ChatMarks.CallsBegin,
        ChatMarks.CallsEnd,
        ChatMarks.CallBegin,
        ChatMarks.CallEnd,
        ChatMarks.CallSeparator,
        ChatMarks.Dsml,
    ];

    private readonly DeepSeekTokenizer _tokenizer;
    private readonly bool _skipsSpecialTokens;
    private readonly ChatParser _parser;
    private readonly int _index;
    private readonly List<int> _tokens = [];
    private readonly StringBuilder _content = new();
    private readonly StringBuilder _reasoning = new();
    private readonly StringBuilder _arguments = new();
    private readonly List<string> _callIds = [];
    private readonly List<ToolCall> _toolCalls = [];
    private string _callName = "";

    internal AnswerChoice(
        int index,
        ChatParser parser,
        DeepSeekTokenizer tokenizer,
        bool skipsSpecialTokens
    )
    {
        _index = index;
        _parser = parser;
        _tokenizer = tokenizer;
        _skipsSpecialTokens = skipsSpecialTokens;
    }

    /// <summary>Why it ended; null while it goes on.</summary>
    public AnswerFinish? Finish { get; private set; }

    /// <summary>The stop string that ended its content; null for none.</summary>
    public string? StopString => _parser.StopString;

    /// <summary>Its tokens, those of thoughts, marks and the end included.</summary>
    public IReadOnlyList<int> Tokens => _tokens;

    /// <summary>Those of them that are its thought, the mark that ends it included.</summary>
    public int ReasoningTokens { get; private set; }

    /// <summary>
    /// The turn that it is in what follows: what was thought and said, the calls that are whole, and its tokens, which a later
    /// prompt finds in the prefix cache.
    /// </summary>
    public ChatTurn Turn =>
        ChatTurn.Assistant(_content.ToString(), _tokens) with
        {
            Reasoning = _reasoning.Length > 0 ? _reasoning.ToString() : null,
            ToolCalls = _toolCalls,
        };

    /// <summary>The calls that are whole.</summary>
    public IReadOnlyList<ToolCall> ToolCalls => _toolCalls;

    /// <summary>The id of a call: no other call of any answer has it.</summary>
    /// <param name="call">The index of a call that has begun, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such call.</exception>
    public string ToolCallId(int call) => _callIds[call];

    /// <summary>Takes the next token.</summary>
    internal AnswerUpdate Take(in GeneratedToken token)
    {
        if (token.Id >= 0)
        {
            _tokens.Add(token.Id);
            if (_parser.IsThinking)
                ReasoningTokens++;
        }
        List<ChatDelta> deltas = [];
        _parser.Append(TextOf(token), deltas);
        Finish = _parser.IsStopped ? AnswerFinish.Stop : FinishOf(token.FinishReason);
        if (Finish is { } finish)
        {
            _parser.Complete(
                isCut: finish is not (AnswerFinish.Stop or AnswerFinish.ToolCalls),
                deltas
            );
            if (finish == AnswerFinish.Stop && _parser.CallCount > 0)
                Finish = AnswerFinish.ToolCalls;
        }
        foreach (ChatDelta delta in deltas)
            Add(delta);
        return new AnswerUpdate(_index, token.Id, deltas, token.LogProbs, Finish)
        {
            Selection = token.Selection,
        };
    }

    private static AnswerFinish? FinishOf(FinishReason? reason) =>
        reason switch
        {
            null => null,
            FinishReason.Length => AnswerFinish.Length,
            FinishReason.Cancelled => AnswerFinish.Cancelled,
            FinishReason.Deadline => AnswerFinish.Deadline,
            _ => AnswerFinish.Stop,
        };

    private string TextOf(in GeneratedToken token)
    {
        if (!_skipsSpecialTokens || token.Id < 0 || !_tokenizer.IsSpecial(token.Id))
            return token.Text;
        string special = Encoding.UTF8.GetString(_tokenizer.GetBytes(token.Id));
        // Before it may be the rest of a broken character.
        return !s_marks.Contains(special) && token.Text.EndsWith(special, StringComparison.Ordinal)
            ? token.Text[..^special.Length]
            : token.Text;
    }

    private void Add(in ChatDelta delta)
    {
        switch (delta.Kind)
        {
            case ChatDeltaKind.Reasoning:
                _reasoning.Append(delta.Text);
                break;
            case ChatDeltaKind.Content:
                _content.Append(delta.Text);
                break;
            case ChatDeltaKind.CallBegin:
                _callIds.Add($"call_{Guid.NewGuid().ToString("N")[..24]}");
                _callName = delta.Text;
                _arguments.Clear();
                break;
            case ChatDeltaKind.CallArguments:
                _arguments.Append(delta.Text);
                break;
            case ChatDeltaKind.CallEnd:
                _toolCalls.Add(new ToolCall(_callIds[^1], _callName, _arguments.ToString()));
                break;
        }
    }
}
