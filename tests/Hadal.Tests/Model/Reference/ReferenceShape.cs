using System.Text.Json;

namespace Hadal.Tests.Model.Reference;

/// <summary>What the reference needs of a <c>config.json</c>, read once and without the library's help.</summary>
internal sealed class ReferenceShape
{
    private readonly JsonElement _root;
    private readonly JsonElement _rope;

    public ReferenceShape(byte[] json)
    {
        using var document = JsonDocument.Parse(json);
        _root = document.RootElement.Clone();
        _rope = Find("rope_parameters") ?? Find("rope_scaling") ?? default;
        Layers = Whole("num_hidden_layers");
        DenseLayers = Whole("first_k_dense_replace");
        Hidden = Whole("hidden_size");
        Heads = Whole("num_attention_heads");
        HasQueryLatent = Find("q_lora_rank") is not null;
        Latent = Whole("kv_lora_rank");
        RopeDim = Whole("qk_rope_head_dim");
        Nope = Whole("qk_nope_head_dim");
        Value = Whole("v_head_dim");
        Experts = Whole("n_routed_experts");
        ExpertsPerToken = Whole("num_experts_per_tok");
        Groups = Find("n_group")?.GetInt32() ?? 1;
        TopGroups = Find("topk_group")?.GetInt32() ?? 1;
        NormalisesWeights = _root.GetProperty("norm_topk_prob").GetBoolean();
        RoutedScale = Number("routed_scaling_factor");
        Epsilon = Number("rms_norm_eps");
        TiesEmbeddings = Find("tie_word_embeddings")?.GetBoolean() ?? false;
        IndexTopK = Find("index_topk")?.GetInt32();
        IndexHeads = Find("index_n_heads")?.GetInt32() ?? 0;
        IndexRopeIsInterleaved =
            Find("indexer_rope_interleave")?.GetBoolean()
            ?? _root.GetProperty("model_type").GetString() == "glm_moe_dsa";
        ScalesArePowersOfTwo =
            Find("quantization_config") is { } quantization
            && quantization.TryGetProperty("scale_fmt", out JsonElement format)
            && format.GetString() == "ue8m0";
        SharesSelection = Find("indexer_types") is { } types
            ? [.. types.EnumerateArray().Select(static type => type.GetString() == "shared")]
            : new bool[Layers];
        Frequencies = ReadFrequencies();
        SoftmaxScale = Magnitude * Magnitude / Math.Sqrt(Nope + RopeDim);
    }

    public int Layers { get; }
    public int DenseLayers { get; }
    public int Hidden { get; }
    public int Heads { get; }
    public bool HasQueryLatent { get; }
    public int Latent { get; }
    public int RopeDim { get; }
    public int Nope { get; }
    public int Value { get; }
    public int Experts { get; }
    public int ExpertsPerToken { get; }
    public int Groups { get; }
    public int TopGroups { get; }
    public bool NormalisesWeights { get; }
    public double RoutedScale { get; }
    public double Epsilon { get; }
    public bool TiesEmbeddings { get; }
    public int? IndexTopK { get; }
    public int IndexHeads { get; }
    public bool IndexRopeIsInterleaved { get; }
    public bool ScalesArePowersOfTwo { get; }

    /// <summary>By layer, whether it takes the selection of the last layer before it that has an indexer.</summary>
    public bool[] SharesSelection { get; }

    /// <summary>What scores are multiplied by: (nope + rope)^-0.5 · m².</summary>
    public double SoftmaxScale { get; }

    /// <summary>[rope / 2], radians a position, each rounded to f32.</summary>
    public float[] Frequencies { get; }

    private bool HasYarn => Rope("factor", 1) > 1;

    /// <summary>m = 0.1 · mscale_all_dim · ln(factor) + 1.</summary>
    private double Magnitude =>
        HasYarn ? 0.1 * Rope("mscale_all_dim", 0) * Math.Log(Rope("factor", 1)) + 1 : 1;

    private float[] ReadFrequencies()
    {
        double theta = Rope("rope_theta", 0) is > 0 and double inner ? inner : Number("rope_theta");
        int count = RopeDim / 2;
        var result = new float[count];
        for (int i = 0; i < count; i++)
            result[i] = 1 / (float)Math.Pow(theta, 2.0 * i / RopeDim);
        if (!HasYarn)
            return result;
        float factor = (float)Rope("factor", 1);
        double low = Math.Max(Math.Floor(Dimension(Rope("beta_fast", 32))), 0);
        double high = Math.Min(Math.Ceiling(Dimension(Rope("beta_slow", 1))), RopeDim - 1);
        if (low == high)
            high += 0.001;
        // Each step in f32, as DeepSeek's code has it: at far positions an ulp of a frequency is a visible angle.
        for (int i = 0; i < count; i++)
        {
            float kept = 1 - Math.Clamp((i - (float)low) / (float)(high - low), 0f, 1f);
            float stretched = result[i] / factor * (1 - kept);
            float same = result[i] * kept;
            result[i] = stretched + same;
        }
        return result;

        double Dimension(double turns) =>
            RopeDim
            * Math.Log(Rope("original_max_position_embeddings", 0) / (turns * 2 * Math.PI))
            / (2 * Math.Log(theta));
    }

    private double Rope(string name, double otherwise) =>
        _rope.ValueKind == JsonValueKind.Object && _rope.TryGetProperty(name, out JsonElement value)
            ? value.GetDouble()
            : otherwise;

    private JsonElement? Find(string name) =>
        _root.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? value
            : null;

    private int Whole(string name) => _root.GetProperty(name).GetInt32();

    private double Number(string name) => _root.GetProperty(name).GetDouble();
}
