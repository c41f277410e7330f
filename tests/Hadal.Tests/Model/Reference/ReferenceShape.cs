using System.Text.Json;

namespace Hadal.Tests.Model.Reference;

/// <summary>What the reference needs of a <c>config.json</c>, read without the library's help.</summary>
internal sealed class ReferenceShape
{
    private readonly JsonElement _root;

    public ReferenceShape(byte[] json)
    {
        using var document = JsonDocument.Parse(json);
        _root = document.RootElement.Clone();
        ModelType = _root.GetProperty("model_type").GetString()!;
        JsonElement rope = Find("rope_parameters") ?? Find("rope_scaling") ?? default;
        Rope = rope;
        HasYarn =
            rope.ValueKind == JsonValueKind.Object
            && rope.TryGetProperty("factor", out JsonElement factor)
            && factor.GetDouble() > 1;
        RopeTheta =
            rope.ValueKind == JsonValueKind.Object
            && rope.TryGetProperty("rope_theta", out JsonElement theta)
                ? theta.GetDouble()
                : Number("rope_theta");
        IndexTopK = Find("index_topk")?.GetInt32();
        IndexHeads = Find("index_n_heads")?.GetInt32() ?? 0;
        IndexRopeIsInterleaved =
            Find("indexer_rope_interleave")?.GetBoolean() ?? ModelType == "glm_moe_dsa";
        ScalesArePowersOfTwo =
            Find("quantization_config") is { } quantization
            && quantization.TryGetProperty("scale_fmt", out JsonElement format)
            && format.GetString() == "ue8m0";
        SharesSelection = Find("indexer_types") is { } types
            ? [.. types.EnumerateArray().Select(static type => type.GetString() == "shared")]
            : [];
    }

    public string ModelType { get; }
    public int Layers => Whole("num_hidden_layers");
    public int DenseLayers => Whole("first_k_dense_replace");
    public int Hidden => Whole("hidden_size");
    public int Heads => Whole("num_attention_heads");
    public bool HasQueryLatent => Find("q_lora_rank") is not null;
    public int Latent => Whole("kv_lora_rank");
    public int RopeDim => Whole("qk_rope_head_dim");
    public int Nope => Whole("qk_nope_head_dim");
    public int Value => Whole("v_head_dim");
    public int Experts => Whole("n_routed_experts");
    public int ExpertsPerToken => Whole("num_experts_per_tok");
    public int Groups => Find("n_group")?.GetInt32() ?? 1;
    public int TopGroups => Find("topk_group")?.GetInt32() ?? 1;
    public bool NormalisesWeights => _root.GetProperty("norm_topk_prob").GetBoolean();
    public double RoutedScale => Number("routed_scaling_factor");
    public double Epsilon => Number("rms_norm_eps");
    public bool TiesEmbeddings => Find("tie_word_embeddings")?.GetBoolean() ?? false;
    public double RopeTheta { get; }
    public bool HasYarn { get; }
    public int? IndexTopK { get; }
    public int IndexHeads { get; }
    public bool IndexRopeIsInterleaved { get; }
    public bool ScalesArePowersOfTwo { get; }

    /// <summary>By layer, whether it takes the selection of the layer before; empty where none does.</summary>
    public bool[] SharesSelection { get; }

    private JsonElement Rope { get; }

    /// <summary>What scores are multiplied by: (nope + rope)^-0.5 · m², m = 0.1 · mscale_all_dim · ln(factor) + 1.</summary>
    public double SoftmaxScale
    {
        get
        {
            double m = 1;
            if (HasYarn && Rope.TryGetProperty("mscale_all_dim", out JsonElement all))
                m = 0.1 * all.GetDouble() * Math.Log(Rope.GetProperty("factor").GetDouble()) + 1;
            return m * m / Math.Sqrt(Nope + RopeDim);
        }
    }

    /// <summary>[rope / 2], radians a position, each rounded to f32.</summary>
    public float[] Frequencies()
    {
        int count = RopeDim / 2;
        var result = new float[count];
        for (int i = 0; i < count; i++)
            result[i] = (float)(1 / (float)Math.Pow(RopeTheta, 2.0 * i / RopeDim));
        if (!HasYarn)
            return result;
        double factor = Rope.GetProperty("factor").GetDouble();
        double low = Math.Max(Math.Floor(Dimension(Yarn("beta_fast", 32))), 0);
        double high = Math.Min(Math.Ceiling(Dimension(Yarn("beta_slow", 1))), RopeDim - 1);
        if (low == high)
            high += 0.001;
        for (int i = 0; i < count; i++)
        {
            double kept = 1 - Math.Clamp((i - low) / (high - low), 0, 1);
            result[i] = (float)(result[i] / factor * (1 - kept) + result[i] * kept);
        }
        return result;

        double Dimension(double turns) =>
            RopeDim
            * Math.Log(Yarn("original_max_position_embeddings", 0) / (turns * 2 * Math.PI))
            / (2 * Math.Log(RopeTheta));

        double Yarn(string name, double otherwise) =>
            Rope.TryGetProperty(name, out JsonElement value) ? value.GetDouble() : otherwise;
    }

    private JsonElement? Find(string name) =>
        _root.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? value
            : null;

    private int Whole(string name) => _root.GetProperty(name).GetInt32();

    private double Number(string name) => _root.GetProperty(name).GetDouble();
}
