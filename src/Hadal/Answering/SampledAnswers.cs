using Hadal.Chat;

namespace Hadal.Answering;

/// <summary>
/// The tokens of the last answers, by what clients send of them again: a conversation that goes on after one has the tokens that
/// are in the prefix cache, which those of its text need not be. Bounded; thread-safe.
/// </summary>
/// <param name="mostTokens">Tokens of all answers that are kept.</param>
internal sealed class SampledAnswers(int mostTokens)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Key, LinkedListNode<Answer>> _byKey = [];
    private readonly LinkedList<Answer> _latest = []; // The last used first.
    private int _tokens;

    /// <summary>Keeps the tokens of an answer.</summary>
    public void Add(ChatTurn turn)
    {
        if (turn.Ids is not { Count: > 0 } ids)
            return;
        var answer = new Answer(KeyOf(turn), ids);
        lock (_lock)
        {
            if (_byKey.TryGetValue(answer.Key, out LinkedListNode<Answer>? known))
                Remove(known);
            _byKey.Add(answer.Key, _latest.AddFirst(answer));
            _tokens += ids.Count;
            while (_tokens > mostTokens)
                Remove(_latest.Last!);
        }
    }

    /// <summary>Gives a turn the tokens that it was generated as, where it is an answer that is known, and has none.</summary>
    public ChatTurn WithIds(ChatTurn turn)
    {
        if (turn.Role != ChatTurn.AssistantRole || turn.Ids is not null)
            return turn;
        lock (_lock)
        {
            if (!_byKey.TryGetValue(KeyOf(turn), out LinkedListNode<Answer>? answer))
                return turn;
            _latest.Remove(answer);
            _latest.AddFirst(answer);
            return turn with { Ids = answer.Value.Ids };
        }
    }

    // A call's id is of one answer alone. The prompt's writer finds out what else of it is as it was.
    private static Key KeyOf(ChatTurn turn) =>
        turn.ToolCalls.Count > 0 ? new("", turn.ToolCalls[0].Id) : new(turn.Content, null);

    private void Remove(LinkedListNode<Answer> answer)
    {
        _latest.Remove(answer);
        _byKey.Remove(answer.Value.Key);
        _tokens -= answer.Value.Ids.Count;
    }

    private readonly record struct Key(string Content, string? CallId);

    private sealed record Answer(Key Key, IReadOnlyList<int> Ids);
}
