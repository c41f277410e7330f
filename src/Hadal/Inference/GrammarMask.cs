using Hadal.Generation;
using Hadal.Grammars;

namespace Hadal.Inference;

/// <summary>
/// Tells which tokens may come next in a text with a grammar, those that end it included. All texts of a step loop use it, one
/// after the other.
/// </summary>
/// <param name="vocabularySize">The model's.</param>
internal sealed class GrammarMask(int vocabularySize)
{
    private readonly ulong[] _allowed = new ulong[(vocabularySize + 63) / 64];

    /// <summary>The tokens that may come next.</summary>
    /// <param name="matcher">Where the text is in its grammar.</param>
    /// <param name="stop">
    /// Has the tokens that end the text: they may come exactly where the grammar lets it end. Where it is too short, they may only
    /// where nothing else may.
    /// </param>
    /// <returns>Bit id % 64 of word id / 64, valid until the next call.</returns>
    /// <exception cref="GrammarException">No token may come, and the text may not end.</exception>
    public ReadOnlySpan<ulong> Of(GrammarMatcher matcher, StopMatcher stop)
    {
        ReadOnlySpan<ulong> mask = matcher.Mask();
        mask.CopyTo(_allowed);
        _allowed.AsSpan(mask.Length).Clear();
        foreach (int token in stop.Tokens)
        {
            if (token < vocabularySize)
                _allowed[token / 64] &= ~(1UL << (token % 64));
        }
        bool goesOn = _allowed.AsSpan().ContainsAnyExcept(0UL);
        bool ends = matcher.MayEnd && !(goesOn && stop.IsTooShort);
        if (!goesOn && !ends)
            throw new GrammarException(
                $"The grammar allows no end after {stop.TokenCount} tokens, and none of the tokens that may come next is other than those that end the text; see {nameof(StopConditions)}.{nameof(StopConditions.Tokens)}"
            );
        if (ends)
        {
            foreach (int token in stop.Tokens)
            {
                if (token < vocabularySize)
                    _allowed[token / 64] |= 1UL << (token % 64);
            }
        }
        return _allowed;
    }
}
