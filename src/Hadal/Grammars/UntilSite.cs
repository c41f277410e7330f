namespace Hadal.Grammars;

/// <summary>A place where any text comes up to a trigger, found after Knuth, Morris and Pratt.</summary>
internal sealed class UntilSite
{
    private readonly byte[] _trigger;
    private readonly int[] _shorter;

    /// <param name="trigger">The bytes that end it.</param>
    /// <param name="after">The state after them.</param>
    /// <param name="mayEnd">Whether the whole text may end before them.</param>
    public UntilSite(byte[] trigger, int after, bool mayEnd)
    {
        _trigger = trigger;
        After = after;
        MayEnd = mayEnd;
        _shorter = new int[trigger.Length];
        for (int i = 1, length = 0; i < trigger.Length; i++)
        {
            while (length > 0 && trigger[i] != trigger[length])
                length = _shorter[length - 1];
            _shorter[i] = trigger[i] == trigger[length] ? ++length : 0;
        }
    }

    public int After { get; }

    public bool MayEnd { get; }

    public ReadOnlySpan<byte> Trigger => _trigger;

    /// <summary>Whether the trigger begins with the byte by which <see cref="GrammarVocabulary"/> splits the tokens.</summary>
    public bool BeginsAsTokensAreSplit => _trigger[0] == GrammarVocabulary.TriggerByte;

    /// <summary>How many bytes of the trigger the text ends with after one more byte; all of them: it has come.</summary>
    public int Next(int length, byte value)
    {
        while (length > 0 && value != _trigger[length])
            length = _shorter[length - 1];
        return value == _trigger[length] ? length + 1 : 0;
    }
}
