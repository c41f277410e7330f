using System.Collections.Immutable;
using Hadal.Bindings;
using Hadal.Json;

namespace Hadal.Checkpoints;

/// <summary>The lightning indexer of DeepSeek-V3.2 and GLM-5, which chooses the tokens that a token attends to.</summary>
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
        Types,
        Pattern,
        Frequency,
        Offset,
        // Of drafts beyond the first alone, which may choose anew as well.
        "index_share_for_mtp_iteration",
    ];

    private const string Types = "indexer_types";
    private const string Pattern = "index_topk_pattern";
    private const string Frequency = "index_topk_freq";
    private const string Offset = "index_skip_topk_offset";

    /// <summary><c>index_n_heads</c>.</summary>
    public required int NumHeads { get; init; }

    /// <summary><c>index_topk</c>: how many tokens are chosen, a multiple of 64.</summary>
    public required int TopK { get; init; }

    /// <summary><c>index_head_dim</c>. The cache formats fix it at 128.</summary>
    public int HeadDim { get; } = NativeMethods.HD_INDEX_DIM;

    /// <summary>
    /// <c>indexer_rope_interleave</c>: whether the rotary embedding of indexer heads turns pairs (2i, 2i + 1), as GLM-5's,
    /// rather than (i, i + 32), as DeepSeek-V3.2's.
    /// </summary>
    public required bool IsRopeInterleaved { get; init; }

    /// <summary><c>indexer_types</c>: where the choice of each decoder layer comes from; the first has an indexer.</summary>
    public required ImmutableArray<IndexerKind> Kinds { get; init; }

    /// <summary>Where the choice of a layer comes from; those of multi-token prediction have indexers of their own.</summary>
    public IndexerKind KindOf(int layer) => layer < Kinds.Length ? Kinds[layer] : IndexerKind.Full;

    /// <summary>The decoder layers that have an indexer of their own, ascending.</summary>
    internal ImmutableArray<int> ChoosingLayers =>
        [.. Enumerable.Range(0, Kinds.Length).Where(layer => Kinds[layer] == IndexerKind.Full)];

    /// <param name="fields">The configuration.</param>
    /// <param name="maxPositions">The longest context.</param>
    /// <param name="layers">Decoder layers.</param>
    /// <param name="isRopeInterleaved">What an absent indexer_rope_interleave means.</param>
    internal static IndexerConfig Read(
        JsonFields fields,
        int maxPositions,
        int layers,
        bool isRopeInterleaved
    )
    {
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
        var config = new IndexerConfig
        {
            NumHeads = fields.Integer("index_n_heads", 1, 1024),
            TopK = topk,
            IsRopeInterleaved = fields.Has("indexer_rope_interleave")
                ? fields.Flag("indexer_rope_interleave")
                : isRopeInterleaved,
            Kinds = ReadKinds(fields, layers),
        };
        fields.Require("index_head_dim", config.HeadDim);
        return config;
    }

    /// <summary>Refuses the fields of an indexer.</summary>
    internal static void RequireNone(JsonFields fields, string modelType)
    {
        foreach (string name in NamesIn(fields))
            throw fields.Bad(name, $"must be absent: the model_type '{modelType}' has no indexer");
    }

    /// <summary>The layers' kinds one by one, as a text of F and S, or by a rule; where several are there, they must agree.</summary>
    private static ImmutableArray<IndexerKind> ReadKinds(JsonFields fields, int layers)
    {
        ImmutableArray<IndexerKind>? kinds = null;
        string told = "";
        if (fields.Has(Types))
            Agree(
                Types,
                fields.RequireTexts(Types, "full", "shared").Select(static type => type == "full")
            );
        if (fields.Has(Pattern))
            Agree(Pattern, ReadPattern(fields));
        if (fields.Has(Frequency) || fields.Has(Offset) || kinds is null)
            Agree(Frequency, ReadRule(fields, layers));
        return kinds!.Value;

        void Agree(string name, IEnumerable<bool> isFull)
        {
            ImmutableArray<IndexerKind> read =
            [
                .. isFull.Select(static full => full ? IndexerKind.Full : IndexerKind.Shared),
            ];
            if (read.Length != layers || read[0] != IndexerKind.Full)
                throw fields.Bad(
                    name,
                    $"must tell of num_hidden_layers, {layers}, the first of which has an indexer of its own"
                );
            if (kinds is { } before && !before.SequenceEqual(read))
                throw fields.Bad(name, $"but {told} tells of other layers; they must agree");
            (kinds, told) = (read, name);
        }
    }

    private static IEnumerable<bool> ReadPattern(JsonFields fields)
    {
        string pattern = fields.Text(Pattern);
        return pattern.All(static c => c is 'F' or 'S')
            ? pattern.Select(static c => c == 'F')
            : throw fields.Bad(Pattern, "must be a text of F and S");
    }

    private static IEnumerable<bool> ReadRule(JsonFields fields, int layers)
    {
        int frequency = fields.Has(Frequency) ? fields.Integer(Frequency, 1, 1000) : 1;
        int offset = fields.Has(Offset) ? fields.Integer(Offset, 1, 1000) : 2;
        return Enumerable
            .Range(0, layers)
            .Select(layer => Math.Max(layer - offset + 1, 0) % frequency == 0);
    }

    private static IEnumerable<string> NamesIn(JsonFields fields) =>
        fields.Names.Where(static name =>
            Prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal))
        );
}
