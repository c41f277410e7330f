namespace Hadal.Grammars;

/// <summary>
/// Where one text is in a grammar, and which tokens may follow. Allocates nothing in steady state. Not thread-safe; matchers of
/// one grammar may be used by different threads.
/// </summary>
public sealed class GrammarMatcher
{
    private readonly GrammarTables _tables;
    private readonly GrammarVocabulary _vocabulary;
    private readonly GrammarCursor _cursor;
    private readonly ulong[] _mask;

    /// <summary>At the beginning of a text.</summary>
    /// <param name="grammar">The grammar.</param>
    /// <param name="vocabulary">The tokens.</param>
    public GrammarMatcher(Grammar grammar, GrammarVocabulary vocabulary)
    {
        ArgumentNullException.ThrowIfNull(grammar);
        ArgumentNullException.ThrowIfNull(vocabulary);
        _vocabulary = vocabulary;
        _tables = grammar.TablesOf(vocabulary);
        _cursor = new GrammarCursor(_tables, grammar.Start);
        _mask = new ulong[vocabulary.Words];
    }

    /// <summary>Whether the text may end here.</summary>
    public bool MayEnd => _cursor.MayEnd;

    /// <summary>
    /// The tokens that may come next, but for those that end a text (<see cref="MayEnd"/>): bit id of word id / 64. It is valid
    /// until the next call.
    /// </summary>
    public ReadOnlySpan<ulong> Mask()
    {
        _cursor.Mask(_mask);
        return _mask;
    }

    /// <summary>Takes the next token.</summary>
    /// <param name="token">Its id, which the mask must have.</param>
    /// <exception cref="InvalidOperationException">The mask has it not; the text is where it was.</exception>
    public void Accept(int token)
    {
        int mark = _tables.MarkOf(token);
        ReadOnlySpan<byte> bytes = _vocabulary.Bytes(token);
        bool may = mark >= 0 ? _cursor.TryTakeMark(mark) : !bytes.IsEmpty && _cursor.TryTake(bytes);
        if (!may)
            throw new InvalidOperationException(
                $"The token {token} can't come next in the grammar; take one that the mask has"
            );
    }
}
