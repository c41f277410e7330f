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
    /// <param name="turn">The answer.</param>
    /// <param name="salt">Whose it is: others don't find it.</param>
    public void Add(ChatTurn turn, string salt)
    {
        if (turn.Ids is not { Count: > 0 } ids)
            return;
        var answer = new Answer(KeyOf(turn, salt), ids);
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
    /// <param name="turn">The turn.</param>
    /// <param name="salt">Who asks.</param>
    public ChatTurn WithIds(ChatTurn turn, string salt)
    {
        if (turn.Role != ChatTurn.AssistantRole || turn.Ids is not null)
            return turn;
        lock (_lock)
        {
            if (!_byKey.TryGetValue(KeyOf(turn, salt), out LinkedListNode<Answer>? answer))
                return turn;
            _latest.Remove(answer);
            _latest.AddFirst(answer);
            return turn with { Ids = answer.Value.Ids };
        }
    }

    // A call's id is of one answer alone. The prompt's writer finds out what else of it is as it was.
    private static Key KeyOf(ChatTurn turn, string salt) =>
        turn.ToolCalls.Count > 0
            ? new(salt, "", turn.ToolCalls[0].Id)
            : new(salt, turn.Content, null);

    private void Remove(LinkedListNode<Answer> answer)
    {
        _latest.Remove(answer);
        _byKey.Remove(answer.Value.Key);
        _tokens -= answer.Value.Ids.Count;
    }

    private readonly record struct Key(string Salt, string Content, string? CallId);

    private sealed record Answer(Key Key, IReadOnlyList<int> Ids);
}
