using System.Globalization;
using Hadal.Tensors;

namespace Hadal.Checkpoints;

/// <summary>
/// The one table of tensor names: every weight that a model of some configuration has. It holds the weights of one layer of
/// each kind, however many layers there are.
/// </summary>
public sealed class WeightMap
{
    private const string Layers = "model.layers.";

    private readonly List<WeightSpec> _before = [];
    private readonly List<WeightSpec> _dense = [];
    private readonly List<WeightSpec> _sparse = [];
    private readonly List<WeightSpec> _predictor = [];
    private readonly List<WeightSpec> _after = [];
    private readonly Dictionary<string, WeightSpec>[] _byName;
    private readonly DeepSeekConfig _config;

    /// <summary>Describes the weights of a configuration.</summary>
    public WeightMap(DeepSeekConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        _config = config;
        Plain(_before, "model.embed_tokens", config.VocabSize, config.HiddenSize);
        AddLayer(_dense, isDense: true);
        AddLayer(_sparse, isDense: false);
        AddPredictor();
        Plain(_after, "model.norm", config.HiddenSize);
        if (!config.TieWordEmbeddings)
            Plain(_after, "lm_head", config.VocabSize, config.HiddenSize);
        List<WeightSpec>[] kinds =
        [
            [.. _before, .. _after],
            _dense,
            _sparse,
            _predictor,
        ];
        _byName = [.. kinds.Select(static specs => specs.ToDictionary(static spec => spec.Name))];
    }

    /// <summary>The weights, without the scales of those that are FP8, in the order of the forward pass; made as they are asked for.</summary>
    public IEnumerable<WeightSpec> Weights
    {
        get
        {
            foreach (WeightSpec spec in _before)
                yield return spec;
            for (int layer = 0; layer < _config.TotalLayers; layer++)
            {
                string prefix = LayerPrefix(layer);
                foreach (WeightSpec spec in LayerWeights(layer))
                    yield return spec.Under(prefix);
            }
            foreach (WeightSpec spec in _after)
                yield return spec;
        }
    }

    /// <summary>How many there are.</summary>
    public int Count
    {
        get
        {
            int count = _before.Count + _after.Count;
            for (int layer = 0; layer < _config.TotalLayers; layer++)
                count += LayerWeights(layer).Count;
            return count;
        }
    }

    /// <summary>What the names of a layer's tensors begin with.</summary>
    internal static string LayerPrefix(int layer) =>
        string.Create(CultureInfo.InvariantCulture, $"{Layers}{layer}.");

    /// <summary>The layer that a tensor's name tells of; null where it tells of none.</summary>
    internal static int? LayerOf(string name)
    {
        if (!name.StartsWith(Layers, StringComparison.Ordinal))
            return null;
        ReadOnlySpan<char> rest = name.AsSpan(Layers.Length);
        return
            rest.IndexOf('.') is > 0 and int end
            && (end == 1 || rest[0] != '0')
            && int.TryParse(
                rest[..end],
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out int layer
            )
            ? layer
            : null;
    }

    /// <summary>The weight of a name; its own name lacks the layer.</summary>
    internal WeightSpec? Find(string name)
    {
        if (LayerOf(name) is not { } layer)
            return _byName[0].GetValueOrDefault(name);
        int kind =
            layer >= _config.TotalLayers ? 0
            : layer >= _config.NumHiddenLayers ? 3
            : _config.IsDense(layer) ? 1
            : 2;
        return kind == 0
            ? null
            : _byName[kind].GetValueOrDefault(name[LayerPrefix(layer).Length..]);
    }

    private List<WeightSpec> LayerWeights(int layer) =>
        layer >= _config.NumHiddenLayers ? _predictor
        : _config.IsDense(layer) ? _dense
        : _sparse;

    private void AddLayer(List<WeightSpec> to, bool isDense)
    {
        Plain(to, "input_layernorm", _config.HiddenSize);
        AddAttention(to);
        Plain(to, "post_attention_layernorm", _config.HiddenSize);
        if (isDense)
            AddFeedForward(to, "mlp", _config.IntermediateSize);
        else
            AddExperts(to);
    }

    private void AddPredictor()
    {
        int hidden = _config.HiddenSize;
        Plain(_predictor, "embed_tokens", _config.VocabSize, hidden);
        Plain(_predictor, "enorm", hidden);
        Plain(_predictor, "hnorm", hidden);
        // Published files have it in BF16, beside linears in FP8.
        Add(_predictor, "eh_proj.weight", WeightSpec.FloatsOrFp8, hidden, 2 * hidden);
        _predictor.AddRange(_sparse);
        Plain(_predictor, "shared_head.norm", hidden);
        Plain(_predictor, "shared_head.head", _config.VocabSize, hidden);
    }

    private void AddAttention(List<WeightSpec> to)
    {
        const string name = "self_attn";
        const int keyValueDim = DeepSeekConfig.NopeDim + DeepSeekConfig.ValueDim;
        int hidden = _config.HiddenSize;
        int heads = _config.NumAttentionHeads;
        Linear(to, $"{name}.q_a_proj", _config.QLoraRank, hidden);
        Plain(to, $"{name}.q_a_layernorm", _config.QLoraRank);
        Linear(to, $"{name}.q_b_proj", heads * DeepSeekConfig.QueryHeadDim, _config.QLoraRank);
        Linear(
            to,
            $"{name}.kv_a_proj_with_mqa",
            DeepSeekConfig.LatentDim + DeepSeekConfig.RopeDim,
            hidden
        );
        Plain(to, $"{name}.kv_a_layernorm", DeepSeekConfig.LatentDim);
        Linear(to, $"{name}.kv_b_proj", heads * keyValueDim, DeepSeekConfig.LatentDim);
        Linear(to, $"{name}.o_proj", hidden, heads * DeepSeekConfig.ValueDim);
        if (_config.Indexer is not { } indexer)
            return;
        Linear(
            to,
            $"{name}.indexer.wq_b",
            indexer.NumHeads * DeepSeekConfig.IndexDim,
            _config.QLoraRank
        );
        Linear(to, $"{name}.indexer.wk", DeepSeekConfig.IndexDim, hidden);
        Plain(to, $"{name}.indexer.k_norm", DeepSeekConfig.IndexDim);
        Add(to, $"{name}.indexer.k_norm.bias", WeightSpec.Floats, DeepSeekConfig.IndexDim);
        Plain(to, $"{name}.indexer.weights_proj", indexer.NumHeads, hidden);
    }

    private void AddExperts(List<WeightSpec> to)
    {
        Plain(to, "mlp.gate", _config.NRoutedExperts, _config.HiddenSize);
        Add(to, "mlp.gate.e_score_correction_bias", WeightSpec.Floats, _config.NRoutedExperts);
        for (int expert = 0; expert < _config.NRoutedExperts; expert++)
            AddFeedForward(to, $"mlp.experts.{expert}", _config.MoeIntermediateSize);
        AddFeedForward(to, "mlp.shared_experts", _config.SharedIntermediateSize);
    }

    private void AddFeedForward(List<WeightSpec> to, string name, int intermediate)
    {
        Linear(to, $"{name}.gate_proj", intermediate, _config.HiddenSize);
        Linear(to, $"{name}.up_proj", intermediate, _config.HiddenSize);
        Linear(to, $"{name}.down_proj", _config.HiddenSize, intermediate);
    }

    private static void Linear(List<WeightSpec> to, string name, long outputs, long inputs) =>
        Add(to, $"{name}.weight", WeightSpec.Fp8, outputs, inputs);

    private static void Plain(List<WeightSpec> to, string name, params ReadOnlySpan<long> shape) =>
        Add(to, $"{name}.weight", WeightSpec.Floats, shape);

    private static void Add(
        List<WeightSpec> to,
        string name,
        DType[] dtypes,
        params ReadOnlySpan<long> shape
    ) => to.Add(new WeightSpec(name, dtypes, [.. shape]));
}
