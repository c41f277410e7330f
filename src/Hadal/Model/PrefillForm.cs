namespace Hadal.Model;

/// <summary>How attention of a prompt is computed.</summary>
public enum PrefillForm
{
    /// <summary>In the latent, as for generated tokens: a token's bits do not depend on how it came in.</summary>
    Absorbed,

    /// <summary>
    /// With keys and values expanded from the latent once a chunk. Cheaper in short contexts and in models without an
    /// indexer, at the price of other bits than decode, and of memory for the expanded context.
    /// </summary>
    Expanded,

    /// <summary>
    /// Each token in the form that is cheaper at its position: expanded up to twice the tokens that the indexer keeps,
    /// absorbed from there on. In models without an indexer as <see cref="Expanded"/>.
    /// </summary>
    ByPosition,
}
