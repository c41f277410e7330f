namespace Hadal.Extensions.AI;

/// <summary>
/// The tokens of the last answers, by their texts: a conversation that goes on after one has the tokens that are in the prefix
/// cache, which those of its text need not be. Bounded; thread-safe.
/// </summary>
/// <param name="mostTokens">Tokens of all answers that are kept.</param>
internal sealed class SampledAnswers(int mostTokens)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<(string Text, int[] Ids)>> _byText = [];
    private readonly LinkedList<(string Text, int[] Ids)> _latest = []; // The last used first.
    private int _tokens;

    public void Add(string text, int[] ids)
    {
        lock (_lock)
        {
            if (_byText.TryGetValue(text, out var known))
                Remove(known);
            _byText.Add(text, _latest.AddFirst((text, ids)));
            _tokens += ids.Length;
            while (_tokens > mostTokens)
                Remove(_latest.Last!);
        }
    }

    /// <summary>The tokens of an answer; null where it is not known.</summary>
    public int[]? Find(string text)
    {
        lock (_lock)
        {
            if (!_byText.TryGetValue(text, out var answer))
                return null;
            _latest.Remove(answer);
            _latest.AddFirst(answer);
            return answer.Value.Ids;
        }
    }

    private void Remove(LinkedListNode<(string Text, int[] Ids)> answer)
    {
        _latest.Remove(answer);
        _byText.Remove(answer.Value.Text);
        _tokens -= answer.Value.Ids.Length;
    }
}
