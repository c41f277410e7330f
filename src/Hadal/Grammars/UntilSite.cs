namespace Hadal.Grammars;

/// <summary>
/// A place where any text comes up to a trigger, but for strings that may not come in it, found after Aho and Corasick. Place 0 is
/// that of a text that ends with the beginning of none of them.
/// </summary>
internal sealed class UntilSite
{
    /// <summary>What <see cref="Next"/> gives where the trigger has come.</summary>
    public const int Triggered = -1;

    /// <summary>What <see cref="Next"/> gives where a string has come that may not.</summary>
    public const int Forbidden = -2;

    private readonly List<Dictionary<byte, int>> _longer =
    [
        [],
    ];
    private readonly List<int> _shorter = [0];
    private readonly List<int> _found = [0]; // Of each place: 0, Triggered or Forbidden.

    /// <param name="trigger">The bytes that end it.</param>
    /// <param name="forbidden">Bytes that may not come in it.</param>
    /// <param name="after">The state after the trigger.</param>
    /// <param name="mayEnd">Whether the whole text may end before it.</param>
    public UntilSite(byte[] trigger, byte[][] forbidden, int after, bool mayEnd)
    {
        After = after;
        MayEnd = mayEnd;
        Strings = [trigger, .. forbidden];
        foreach (byte[] text in Strings)
        {
            int place = 0;
            foreach (byte value in text)
            {
                if (!_longer[place].TryGetValue(value, out int next))
                {
                    next = _longer.Count;
                    _longer[place].Add(value, next);
                    _longer.Add([]);
                    _shorter.Add(0);
                    _found.Add(0);
                }
                place = next;
            }
            _found[place] = text == trigger ? Triggered : Forbidden;
        }
        var open = new Queue<int>(_longer[0].Values);
        while (open.TryDequeue(out int place))
        {
            foreach ((byte value, int next) in _longer[place])
            {
                _shorter[next] = Step(_shorter[place], value);
                if (_found[next] == 0)
                    _found[next] = _found[_shorter[next]];
                open.Enqueue(next);
            }
        }
    }

    public int After { get; }

    public bool MayEnd { get; }

    /// <summary>The trigger, and what may not come.</summary>
    public IReadOnlyList<byte[]> Strings { get; }

    /// <summary>Whether all begin with the byte by which <see cref="GrammarVocabulary"/> splits the tokens.</summary>
    public bool BeginsAsTokensAreSplit =>
        Strings.All(static text => text[0] == GrammarVocabulary.TriggerByte);

    /// <summary>The place after one more byte, <see cref="Triggered"/> or <see cref="Forbidden"/>.</summary>
    public int Next(int place, byte value)
    {
        int next = Step(place, value);
        return _found[next] != 0 ? _found[next] : next;
    }

    private int Step(int place, byte value)
    {
        int next;
        while (!_longer[place].TryGetValue(value, out next) && place != 0)
            place = _shorter[place];
        return next;
    }
}
