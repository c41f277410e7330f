namespace Hadal.Model;

/// <summary>The lightning indexer of DeepSeek-V3.2, which chooses the tokens that a token attends to.</summary>
public sealed record IndexerConfig
{
    internal static readonly string[] FieldNames =
    [
        "index_head_dim",
        "index_n_heads",
        "index_topk",
    ];

    /// <summary><c>index_n_heads</c>.</summary>
    public required int NumHeads { get; init; }

    /// <summary><c>index_topk</c>: how many tokens are chosen, a multiple of 64.</summary>
    public required int TopK { get; init; }

    internal static IndexerConfig Read(JsonFields fields)
    {
        fields.Integer("index_head_dim", DeepSeekConfig.IndexDim, DeepSeekConfig.IndexDim);
        int topk = fields.Integer("index_topk", 64, 1 << 16);
        if (topk % 64 != 0)
            throw fields.Bad("index_topk", "must be a multiple of 64");
        return new IndexerConfig
        {
            NumHeads = fields.Integer("index_n_heads", 1, 1024),
            TopK = topk,
        };
    }
}
