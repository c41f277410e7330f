namespace Hadal.Model;

/// <summary>What a layer did with one token.</summary>
/// <param name="Hidden">The residual stream after the layer, [hidden].</param>
/// <param name="Index">The positions that attention kept, ascending, then −1; a layer without an indexer of its own has those of the one before; null in models without.</param>
/// <param name="Experts">The chosen experts, ascending; null in a dense layer.</param>
/// <param name="ExpertWeights">Their weights; null in a dense layer.</param>
public sealed record LayerTrace(
    float[] Hidden,
    int[]? Index,
    int[]? Experts,
    float[]? ExpertWeights
);
