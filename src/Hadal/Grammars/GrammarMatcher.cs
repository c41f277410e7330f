namespace Hadal.Grammars;

/// <summary>Where one text is in a grammar, and which tokens may follow. Allocates nothing in steady state; not thread-safe.</summary>
public sealed class GrammarMatcher
{
    /// <summary>At the beginning of a text.</summary>
    /// <param name="grammar">The grammar.</param>
    /// <param name="vocabulary">The tokens.</param>
    public GrammarMatcher(Grammar grammar, GrammarVocabulary vocabulary) =>
        throw new NotImplementedException();

    /// <summary>Whether the text may end here.</summary>
    public bool MayEnd => throw new NotImplementedException();

    /// <summary>
    /// The tokens that may come next, but for those that end a text (<see cref="MayEnd"/>): bit id of word id / 64. It is valid
    /// until the next call.
    /// </summary>
    public ReadOnlySpan<ulong> Mask() => throw new NotImplementedException();

    /// <summary>Takes the next token.</summary>
    /// <param name="token">Its id, which the mask must have.</param>
    /// <exception cref="InvalidOperationException">The mask has it not.</exception>
    public void Accept(int token) => throw new NotImplementedException();
}
