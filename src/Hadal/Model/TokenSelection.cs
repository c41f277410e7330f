using System.Collections.Immutable;

namespace Hadal.Model;

/// <summary>
/// Which tokens attention saw when a token was drawn: what each layer's indexer chose of those before it. It takes a byte or two
/// for each position that was chosen in each layer, and nothing where all were.
/// </summary>
public sealed class TokenSelection
{
    private readonly byte[][] _differences;

    /// <param name="layers">The layers that choose.</param>
    /// <param name="visible">Tokens that could be chosen.</param>
    /// <param name="differences">What was, of each layer, as <see cref="PositionCode"/> has it; none where all were.</param>
    internal TokenSelection(ImmutableArray<int> layers, int visible, byte[][] differences)
    {
        Layers = layers;
        VisibleTokens = visible;
        _differences = differences;
    }

    /// <summary>
    /// The layers that have an indexer of their own, ascending; the others see what the nearest of these before them chose. None in
    /// models without an indexer, where every token sees all before it.
    /// </summary>
    public ImmutableArray<int> Layers { get; }

    /// <summary>The tokens before, of which it could see positions 0 to this − 1.</summary>
    public int VisibleTokens { get; }

    /// <summary>Whether all of them were chosen in every layer: they are no more than an indexer chooses, or there is none.</summary>
    public bool IsAll => _differences.Length == 0;

    /// <summary>The positions that a layer chose, ascending.</summary>
    /// <param name="index">Which of <see cref="Layers"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are not so many.</exception>
    public int[] Positions(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Layers.Length);
        return IsAll
            ? [.. Enumerable.Range(0, VisibleTokens)]
            : PositionCode.Decode(_differences[index]);
    }
}
