namespace Hadal.Grammars;

/// <summary>
/// What texts of a grammar have in common over one vocabulary: the states that they came to, and masks. Used under the lock on
/// itself.
/// </summary>
internal sealed class GrammarTables
{
    // Masks that took fewer nodes are made again as fast as they would be copied.
    private const int CachedNodes = 512;

    private readonly ByteAutomaton _automaton;
    private readonly GrammarVocabulary? _vocabulary;
    private readonly int[] _markTokens;
    private readonly TokenWalk _walk = new();
    private MaskCache _masks;

    /// <param name="automaton">The automaton.</param>
    /// <param name="vocabulary">The tokens; null for texts in bytes alone.</param>
    public GrammarTables(ByteAutomaton automaton, GrammarVocabulary? vocabulary)
    {
        _automaton = automaton;
        _vocabulary = vocabulary;
        _markTokens = [.. automaton.Marks.Select(mark => vocabulary?.MarkId(mark) ?? -1)];
        States = NewStates();
        _masks = new MaskCache(vocabulary?.Words ?? 0);
    }

    /// <summary>The states; others take their place when they are too many.</summary>
    public GrammarStates States { get; private set; }

    /// <summary>Forgets all states where they are too many.</summary>
    public void Trim()
    {
        if (!States.IsFull)
            return;
        States = NewStates();
        _masks = new MaskCache(_vocabulary?.Words ?? 0);
    }

    /// <summary>The mark that a token is; −1 for none.</summary>
    public int MarkOf(int token) => token < 0 ? -1 : Array.IndexOf(_markTokens, token);

    /// <summary>The tokens that may come.</summary>
    public void Mask(int state, ReadOnlySpan<int> stack, Span<ulong> bits)
    {
        if (_masks.TryGet(state, stack, bits))
            return;
        GrammarVocabulary vocabulary = _vocabulary!;
        StateTraits traits = States.Traits(state);
        TokenTrie trie = vocabulary.Trie;
        if (traits.StringRoom >= 0)
        {
            vocabulary.Strings.CopySafe(traits.StringRoom, bits);
            trie = vocabulary.Strings.Closing;
        }
        else if (traits.IsInText)
        {
            vocabulary.WithoutTrigger.CopyTo(bits);
            trie = vocabulary.WithTrigger;
        }
        else
        {
            bits.Clear();
        }
        _walk.Run(trie, States, state, stack, bits);
        foreach ((int first, int other) in vocabulary.Twins)
        {
            if ((bits[first >> 6] >> first & 1) != 0)
                bits[other >> 6] |= 1UL << other;
        }
        for (int mark = 0; mark < _markTokens.Length; mark++)
        {
            int token = _markTokens[mark];
            if (token >= 0 && States.NextMark(state, mark) != GrammarStates.Dead)
                bits[token >> 6] |= 1UL << token;
        }
        if (_walk.NodesRead >= CachedNodes)
            _masks.Add(state, stack[^_walk.StackRead..], bits);
    }

    // With no token to look ahead for, bounds are counted anew after each byte.
    private GrammarStates NewStates() =>
        new(_automaton, _markTokens, (_vocabulary?.MaxTokenChars ?? 1) + 1);
}
