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
}
