namespace Hadal.Checkpoints;

/// <summary>Where a layer's choice of tokens comes from.</summary>
public enum IndexerKind
{
    /// <summary>From an indexer of its own.</summary>
    Full,

    /// <summary>From the nearest layer before it that has an indexer; it has none, and caches no index keys.</summary>
    Shared,
}
