using Hadal.Json;

namespace Hadal.Checkpoints;

/// <summary>The lightning indexer of DeepSeek-V3.2, which chooses the tokens that a token attends to.</summary>
public sealed record IndexerConfig
{
    /// <summary>What the names of all fields of an indexer begin with, those of later models too.</summary>
    private static readonly string[] Prefixes = ["index_", "indexer_"];

    private static readonly string[] Known =
    [
        "index_head_dim",
        "index_n_heads",
        "index_topk",
        "indexer_rope_interleave",
        "indexer_types",
        "index_topk_freq",
        "index_share_for_mtp_iteration",
        // Of no effect while index_topk_freq is 1.
        "index_skip_topk_offset",
    ];

    /// <summary><c>index_n_heads</c>.</summary>
    public required int NumHeads { get; init; }

    /// <summary><c>index_topk</c>: how many tokens are chosen, a multiple of 64.</summary>
    public required int TopK { get; init; }

    /// <param name="fields">The configuration.</param>
    /// <param name="maxPositions">The longest context.</param>
    internal static IndexerConfig Read(JsonFields fields, int maxPositions)
    {
        fields.Require("index_head_dim", DeepSeekConfig.IndexDim);
        fields.RequireOrAbsent("indexer_rope_interleave", false);
        fields.RequireOrAbsent("index_topk_freq", 1);
        fields.RequireOrAbsent("index_share_for_mtp_iteration", false);
        fields.RequireAll("indexer_types", "full");
        foreach (string name in NamesIn(fields).Except(Known))
            throw fields.Bad(name, "is not supported: it would change which tokens are chosen");
        int topk = fields.Integer("index_topk", 64, 1 << 16);
        if (topk % 64 != 0)
            throw fields.Bad("index_topk", "must be a multiple of 64");
        if (topk > maxPositions)
            throw fields.Bad(
                "index_topk",
                $"must be at most max_position_embeddings, {maxPositions}"
            );
        return new IndexerConfig
        {
            NumHeads = fields.Integer("index_n_heads", 1, 1024),
            TopK = topk,
        };
    }

    /// <summary>Refuses the fields of an indexer.</summary>
    internal static void RequireNone(JsonFields fields, string modelType)
    {
        foreach (string name in NamesIn(fields))
            throw fields.Bad(name, $"must be absent: the model_type '{modelType}' has no indexer");
    }

    private static IEnumerable<string> NamesIn(JsonFields fields) =>
        fields.Names.Where(static name =>
            Prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal))
        );
}
