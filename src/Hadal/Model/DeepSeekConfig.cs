using System.Collections.Immutable;
using System.Text.Json;
using Hadal.Checkpoints;

namespace Hadal.Model;

/// <summary>
/// What a checkpoint's <c>config.json</c> says: DeepSeek-V3.2 with its lightning indexer, or plain V3, V3.1 and R1 without.
/// Whatever would change the results and is not supported is refused by name.
/// </summary>
public sealed record DeepSeekConfig
{
    /// <summary>Dimensions of the latent that keys and values come from: fixed by the cache formats.</summary>
    public const int LatentDim = 512;

    /// <summary>Dimensions of a head's rotated part: fixed by the cache formats.</summary>
    public const int RopeDim = 64;

    /// <summary>Dimensions of a head's unrotated part: fixed by the kernels.</summary>
    public const int NopeDim = 128;

    /// <summary>Dimensions of a query head: [nope, rope].</summary>
    public const int QueryHeadDim = NopeDim + RopeDim;

    /// <summary>Dimensions of a head's values: fixed by the kernels.</summary>
    public const int ValueDim = 128;

    /// <summary>Dimensions of an indexer head: fixed by the cache formats.</summary>
    public const int IndexDim = 128;

    internal const int MaxPositions = 1 << 24;

    /// <summary>Rows and columns of a block that shares one scale; the inner sizes of FP8 products are multiples of it.</summary>
    internal const int Block = 128;

    private const string File = "config.json";

    /// <summary><c>model_type</c>: <c>deepseek_v32</c> or <c>deepseek_v3</c>.</summary>
    public required string ModelType { get; init; }

    /// <summary><c>vocab_size</c>.</summary>
    public required int VocabSize { get; init; }

    /// <summary><c>hidden_size</c>: width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary><c>intermediate_size</c>: width of the feed-forward of dense layers.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary><c>moe_intermediate_size</c>: width of one expert.</summary>
    public required int MoeIntermediateSize { get; init; }

    /// <summary><c>num_hidden_layers</c>: decoder layers, without those of multi-token prediction.</summary>
    public required int NumHiddenLayers { get; init; }

    /// <summary><c>first_k_dense_replace</c>: how many of the first layers have a dense feed-forward.</summary>
    public required int FirstKDenseReplace { get; init; }

    /// <summary><c>num_nextn_predict_layers</c>: layers of multi-token prediction, after the decoder layers; 0 where absent.</summary>
    public required int NumNextnPredictLayers { get; init; }

    /// <summary><c>num_attention_heads</c>.</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary><c>q_lora_rank</c>: dimensions of the latent that queries come from.</summary>
    public required int QLoraRank { get; init; }

    /// <summary><c>n_routed_experts</c>.</summary>
    public required int NRoutedExperts { get; init; }

    /// <summary><c>n_shared_experts</c>: experts that every token uses, stored as one of that many widths.</summary>
    public required int NSharedExperts { get; init; }

    /// <summary><c>num_experts_per_tok</c>: experts chosen for a token.</summary>
    public required int NumExpertsPerTok { get; init; }

    /// <summary><c>n_group</c>: groups of the routed experts.</summary>
    public required int NGroup { get; init; }

    /// <summary><c>topk_group</c>: groups that a token's experts are chosen from.</summary>
    public required int TopkGroup { get; init; }

    /// <summary><c>routed_scaling_factor</c>: what the routed experts' weights are multiplied by.</summary>
    public required float RoutedScalingFactor { get; init; }

    /// <summary><c>norm_topk_prob</c>: whether a token's expert weights are divided by their sum.</summary>
    public required bool NormTopkProb { get; init; }

    /// <summary><c>rms_norm_eps</c>.</summary>
    public required float RmsNormEps { get; init; }

    /// <summary><c>max_position_embeddings</c>: the longest context.</summary>
    public required int MaxPositionEmbeddings { get; init; }

    /// <summary><c>rope_theta</c>: base of the rotary frequencies.</summary>
    public required double RopeTheta { get; init; }

    /// <summary><c>rope_scaling</c>: null for a plain rotary embedding.</summary>
    public RopeScaling? RopeScaling { get; init; }

    /// <summary><c>tie_word_embeddings</c>: whether the output head is the embedding; false where absent.</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>
    /// <c>index_n_heads</c>, <c>index_topk</c>: the lightning indexer of V3.2; null for V3, V3.1 and R1, which attend densely.
    /// </summary>
    public IndexerConfig? Indexer { get; init; }

    /// <summary><c>quantization_config</c>: null where no linear is quantised.</summary>
    public QuantizationConfig? Quantization { get; init; }

    /// <summary><c>bos_token_id</c>; null where absent.</summary>
    public int? BosTokenId { get; init; }

    /// <summary><c>eos_token_id</c>: one id, or several; empty where absent.</summary>
    public ImmutableArray<int> EosTokenIds { get; init; } = [];

    /// <summary>How activations and caches are scaled when quantised: <c>quantization_config.scale_fmt</c> decides.</summary>
    public ScaleFormat ScaleFormat => Quantization?.ScaleFormat ?? ScaleFormat.Plain;

    /// <summary>All layers with weights and caches of their own: decoder layers, then those of multi-token prediction.</summary>
    public int TotalLayers => NumHiddenLayers + NumNextnPredictLayers;

    /// <summary>Width of the shared experts together.</summary>
    public int SharedIntermediateSize => MoeIntermediateSize * NSharedExperts;

    /// <summary>What the scores of MLA are multiplied by: 192^-0.5 · m² with YaRN's m. The indexer has no m.</summary>
    public float SoftmaxScale
    {
        get
        {
            double m = RopeScaling?.Magnitude ?? 1;
            return (float)(m * m / Math.Sqrt(QueryHeadDim));
        }
    }

    /// <summary>Whether a layer's feed-forward is dense; those of multi-token prediction are mixtures of experts.</summary>
    public bool IsDense(int layer) => layer < FirstKDenseReplace;

    /// <summary>The 32 rotary frequencies, radians a position, after YaRN, rounded to f32 as the reference rounds them.</summary>
    public float[] InverseFrequencies()
    {
        var frequencies = new float[RopeDim / 2];
        for (int i = 0; i < frequencies.Length; i++)
            frequencies[i] = 1 / (float)Math.Pow(RopeTheta, 2.0 * i / RopeDim);
        RopeScaling?.Apply(frequencies, RopeDim, RopeTheta);
        return frequencies;
    }

    /// <summary>Reads a <c>config.json</c>.</summary>
    /// <exception cref="CheckpointException">It is not JSON, or a field is missing, out of range or not supported.</exception>
    public static DeepSeekConfig Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(
                json,
                new JsonDocumentOptions { MaxDepth = 16, AllowDuplicateProperties = false }
            );
            return Read(new JsonFields(document.RootElement, File));
        }
        // The latter is thrown for a string that is not UTF-8 or has a lone surrogate.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new CheckpointException($"{File}: is broken: {e.Message}", e);
        }
    }

    private static DeepSeekConfig Read(JsonFields fields)
    {
        RequireFixed(fields);
        string modelType = fields.RequireText("model_type", "deepseek_v32", "deepseek_v3");
        int vocabSize = fields.Integer("vocab_size", 2, 1 << 22);
        int heads = fields.Integer("num_attention_heads", 1, 1024);
        if (fields.Has("num_key_value_heads"))
            fields.Integer("num_key_value_heads", heads, heads);
        int layers = fields.Integer("num_hidden_layers", 1, 1000);
        int experts = fields.Integer("n_routed_experts", 1, 1024);
        int groups = fields.Integer("n_group", 1, experts);
        if (experts % groups != 0)
            throw fields.Bad("n_group", $"must divide n_routed_experts, {experts}");
        int topkGroup = fields.Integer("topk_group", 1, groups);
        return new DeepSeekConfig
        {
            ModelType = modelType,
            VocabSize = vocabSize,
            HiddenSize = Width(fields, "hidden_size"),
            IntermediateSize = Width(fields, "intermediate_size"),
            MoeIntermediateSize = Width(fields, "moe_intermediate_size"),
            NumHiddenLayers = layers,
            FirstKDenseReplace = fields.Integer("first_k_dense_replace", 0, layers),
            NumNextnPredictLayers = fields.Has("num_nextn_predict_layers")
                ? fields.Integer("num_nextn_predict_layers", 0, 16)
                : 0,
            NumAttentionHeads = heads,
            QLoraRank = Width(fields, "q_lora_rank"),
            NRoutedExperts = experts,
            NSharedExperts = fields.Integer("n_shared_experts", 1, 64),
            NumExpertsPerTok = fields.Integer(
                "num_experts_per_tok",
                1,
                topkGroup * (experts / groups)
            ),
            NGroup = groups,
            TopkGroup = topkGroup,
            RoutedScalingFactor = (float)fields.Number("routed_scaling_factor", 1e-6, 1e6),
            NormTopkProb = fields.Flag("norm_topk_prob"),
            RmsNormEps = (float)fields.Number("rms_norm_eps", 1e-12, 1),
            MaxPositionEmbeddings = fields.Integer("max_position_embeddings", 1, MaxPositions),
            RopeTheta = fields.Number("rope_theta", 2, 1e12),
            RopeScaling = fields.Has("rope_scaling")
                ? RopeScaling.Read(fields.Object("rope_scaling"))
                : null,
            TieWordEmbeddings =
                fields.Has("tie_word_embeddings") && fields.Flag("tie_word_embeddings"),
            Indexer = ReadIndexer(fields, modelType),
            Quantization = fields.Has("quantization_config")
                ? QuantizationConfig.Read(fields.Object("quantization_config"))
                : null,
            BosTokenId = fields.Has("bos_token_id")
                ? fields.Integer("bos_token_id", 0, vocabSize - 1)
                : null,
            EosTokenIds = fields.Has("eos_token_id")
                ? fields.Integers("eos_token_id", 0, vocabSize - 1)
                : [],
        };
    }

    /// <summary>What the kernels and cache formats fix, and the variants of the family that are not supported.</summary>
    private static void RequireFixed(JsonFields fields)
    {
        fields.Integer("kv_lora_rank", LatentDim, LatentDim);
        fields.Integer("qk_rope_head_dim", RopeDim, RopeDim);
        fields.Integer("qk_nope_head_dim", NopeDim, NopeDim);
        fields.Integer("v_head_dim", ValueDim, ValueDim);
        fields.RequireText("hidden_act", "silu");
        fields.RequireText("scoring_func", "sigmoid");
        fields.RequireText("topk_method", "noaux_tc");
        if (fields.Has("moe_layer_freq"))
            fields.Integer("moe_layer_freq", 1, 1);
        if (fields.Has("attention_bias") && fields.Flag("attention_bias"))
            throw fields.Bad("attention_bias", "must be false: biases are not supported");
        if (fields.Has("rope_parameters"))
            throw fields.Bad(
                "rope_parameters",
                "is not supported: rope_theta and rope_scaling must tell the rotary embedding"
            );
    }

    private static IndexerConfig? ReadIndexer(JsonFields fields, string modelType)
    {
        if (modelType == "deepseek_v32")
            return IndexerConfig.Read(fields);
        foreach (string name in IndexerConfig.FieldNames)
        {
            if (fields.Has(name))
                throw fields.Bad(
                    name,
                    $"must be absent: the model_type '{modelType}' has no indexer"
                );
        }
        return null;
    }

    private static int Width(JsonFields fields, string name)
    {
        int width = fields.Integer(name, Block, 1 << 18);
        return width % Block == 0
            ? width
            : throw fields.Bad(name, $"must be a multiple of {Block}");
    }
}
