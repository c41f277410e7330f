using System.Collections.Immutable;
using System.Text.Json;
using Hadal.Json;

namespace Hadal.Checkpoints;

/// <summary>
/// What a checkpoint's <c>config.json</c> says: DeepSeek-V3.2 or GLM-5 with their lightning indexer, or V3, V3.1, R1 and
/// models of their shape without: Moonlight, Kimi K2, GLM-4.7-Flash.
/// Whatever would change the results and is not supported is refused by name.
/// </summary>
public sealed record DeepSeekConfig
{
    internal const int MaxPositions = 1 << 24;

    /// <summary>Rows and columns of a block that shares one scale; the inner sizes of FP8 products are multiples of it.</summary>
    internal const int Block = 128;

    private const string File = "config.json";
    private const string FirstK = "first_k_dense_replace";

    /// <summary>The model types that are known, and of those with an indexer whether its rotary pairs lie side by side.</summary>
    private static readonly Dictionary<string, bool?> Families = new()
    {
        ["deepseek_v32"] = false,
        ["deepseek_v3"] = null,
        ["glm_moe_dsa"] = true,
        ["glm4_moe_lite"] = null,
        ["kimi_k2"] = null,
    };

    /// <summary>
    /// <c>model_type</c>: <c>deepseek_v32</c>, <c>deepseek_v3</c>, <c>glm_moe_dsa</c> (GLM-5), <c>glm4_moe_lite</c>
    /// (GLM-4.7-Flash) or <c>kimi_k2</c>.
    /// </summary>
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

    /// <summary>The widths of attention.</summary>
    public required AttentionShape Attention { get; init; }

    /// <summary>
    /// <c>q_lora_rank</c>: dimensions of the latent that queries come from; null where one projection makes them.
    /// </summary>
    public required int? QLoraRank { get; init; }

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

    /// <summary><c>rope_theta</c>, or in <c>rope_parameters</c>: base of the rotary frequencies.</summary>
    public required double RopeTheta { get; init; }

    /// <summary><c>rope_scaling</c>, or in <c>rope_parameters</c>: null for a plain rotary embedding.</summary>
    public RopeScaling? RopeScaling { get; init; }

    /// <summary><c>tie_word_embeddings</c>: whether the output head is the embedding; false where absent.</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>
    /// <c>index_n_heads</c>, <c>index_topk</c>: the lightning indexer of V3.2 and GLM-5; null for models that attend densely.
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

    /// <summary>What the scores of MLA are multiplied by: (nope + rope)^-0.5 · m² with YaRN's m. The indexer has no m.</summary>
    public float SoftmaxScale
    {
        get
        {
            double m = RopeScaling?.Magnitude ?? 1;
            return (float)(m * m / Math.Sqrt(Attention.QueryHeadDim));
        }
    }

    /// <summary>Whether a layer's feed-forward is dense; those of multi-token prediction are mixtures of experts.</summary>
    public bool IsDense(int layer) => layer < FirstKDenseReplace;

    /// <summary>The 32 rotary frequencies, radians a position, after YaRN, rounded to f32 as the reference rounds them.</summary>
    public float[] InverseFrequencies()
    {
        int width = Attention.RopeDim;
        var frequencies = new float[width / 2];
        for (int i = 0; i < frequencies.Length; i++)
            frequencies[i] = 1 / (float)Math.Pow(RopeTheta, 2.0 * i / width);
        RopeScaling?.Apply(frequencies, width, RopeTheta);
        return frequencies;
    }

    /// <summary>Reads a <c>config.json</c>.</summary>
    /// <exception cref="CheckpointException">It is not JSON, or a field is missing, out of range or not supported.</exception>
    public static DeepSeekConfig Parse(ReadOnlyMemory<byte> json) =>
        JsonText.Read(
            json,
            File,
            CheckpointException.Create,
            static root => Read(new JsonFields(root, File, CheckpointException.Create))
        );

    private static DeepSeekConfig Read(JsonFields fields)
    {
        // First: about another model there is nothing else to say.
        string modelType = fields.RequireText("model_type", [.. Families.Keys]);
        FixedFields.Check(fields);
        int vocabSize = fields.Integer("vocab_size", 2, 1 << 22);
        int heads = fields.Integer("num_attention_heads", 1, 1024);
        if (fields.Has("num_key_value_heads"))
            fields.Require("num_key_value_heads", heads);
        int layers = fields.Integer("num_hidden_layers", 1, 1000);
        int experts = fields.Integer("n_routed_experts", 1, 1024);
        int groups = fields.Integer("n_group", 1, experts);
        if (experts % groups != 0)
            throw fields.Bad("n_group", $"must divide n_routed_experts, {experts}");
        int topkGroup = fields.Integer("topk_group", 1, groups);
        int positions = fields.Integer("max_position_embeddings", 1, MaxPositions);
        RotaryFields rotary = RotaryFields.Read(fields);
        return new DeepSeekConfig
        {
            ModelType = modelType,
            VocabSize = vocabSize,
            HiddenSize = Width(fields, "hidden_size"),
            IntermediateSize = Width(fields, "intermediate_size"),
            MoeIntermediateSize = Width(fields, "moe_intermediate_size"),
            NumHiddenLayers = layers,
            FirstKDenseReplace = ReadDenseLayers(fields, layers),
            NumNextnPredictLayers = fields.Has("num_nextn_predict_layers")
                ? fields.Integer("num_nextn_predict_layers", 0, 16)
                : 0,
            NumAttentionHeads = heads,
            Attention = AttentionShape.Read(fields, heads),
            QLoraRank = ReadQueryRank(fields, modelType),
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
            MaxPositionEmbeddings = positions,
            RopeTheta = rotary.Theta,
            RopeScaling = rotary.Scaling,
            TieWordEmbeddings =
                fields.Has("tie_word_embeddings") && fields.Flag("tie_word_embeddings"),
            Indexer = ReadIndexer(fields, modelType, positions, layers),
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

    /// <summary><c>first_k_dense_replace</c>, and the layers' kinds one by one, which may be told instead.</summary>
    private static int ReadDenseLayers(JsonFields fields, int layers)
    {
        const string kinds = "mlp_layer_types";
        if (!fields.Has(kinds))
            return fields.Integer(FirstK, 0, layers);
        ImmutableArray<string> types = fields.RequireTexts(kinds, "dense", "sparse");
        int dense = types.TakeWhile(static type => type == "dense").Count();
        if (types.Length != layers || types.Skip(dense).Contains("dense"))
            throw fields.Bad(kinds, $"must have {layers}, first those that are 'dense'");
        if (fields.Has(FirstK) && fields.Integer(FirstK, 0, layers) != dense)
            throw fields.Bad(FirstK, $"but {kinds} begins with {dense} that are 'dense'");
        return dense;
    }

    private static IndexerConfig? ReadIndexer(
        JsonFields fields,
        string modelType,
        int positions,
        int layers
    )
    {
        bool? isInterleaved = Families[modelType];
        fields.RequireAll(
            "layer_types",
            isInterleaved is null ? "full_attention" : "deepseek_sparse_attention"
        );
        if (isInterleaved is { } interleaved)
            return IndexerConfig.Read(fields, positions, layers, interleaved);
        IndexerConfig.RequireNone(fields, modelType);
        return null;
    }

    /// <summary><c>q_lora_rank</c>, which a model without an indexer may have as null.</summary>
    private static int? ReadQueryRank(JsonFields fields, string modelType) =>
        fields.Get("q_lora_rank").ValueKind == JsonValueKind.Null && Families[modelType] is null
            ? null
            : Width(fields, "q_lora_rank");

    private static int Width(JsonFields fields, string name)
    {
        int width = fields.Integer(name, Block, 1 << 18);
        return width % Block == 0
            ? width
            : throw fields.Bad(name, $"must be a multiple of {Block}");
    }
}
