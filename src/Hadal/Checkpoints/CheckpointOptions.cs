namespace Hadal.Checkpoints;

/// <summary>How a checkpoint is opened.</summary>
public sealed record CheckpointOptions
{
    /// <summary>
    /// Opens only this many of the first decoder layers, with embedding, final norm and head, and without multi-token
    /// prediction; null opens all. Only the shards that hold these need be there. What such a model writes makes no sense:
    /// it is for trying out and measuring a large checkpoint with a part of its files.
    /// </summary>
    public int? Layers { get; init; }

    /// <summary>How the weights come into memory.</summary>
    public WeightMapping Mapping { get; init; } = WeightMapping.Mapped;
}
