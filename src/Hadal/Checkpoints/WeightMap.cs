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
    private readonly List<WeightSpec> _after = [];
    private readonly Dictionary<LayerKind, List<WeightSpec>> _layers = [];
    private readonly Dictionary<string, WeightSpec> _outside;
    private readonly Dictionary<LayerKind, Dictionary<string, WeightSpec>> _inLayers;
    private readonly DeepSeekConfig _config;

    /// <summary>Describes the weights of a configuration.</summary>
    public WeightMap(DeepSeekConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        _config = config;
        Plain(_before, "model.embed_tokens", config.VocabSize, config.HiddenSize);
        for (int layer = 0; layer < config.TotalLayers; layer++)
        {
            if (!_layers.ContainsKey(KindOf(layer)))
                _layers.Add(KindOf(layer), LayerOf(KindOf(layer)));
        }
        Plain(_after, "model.norm", config.HiddenSize);
        if (!config.TieWordEmbeddings)
            Plain(_after, "lm_head", config.VocabSize, config.HiddenSize);
        _outside = _before.Concat(_after).ToDictionary(static spec => spec.Name);
        _inLayers = _layers.ToDictionary(
            static kind => kind.Key,
            static kind => kind.Value.ToDictionary(static spec => spec.Name)
        );
    }

    /// <summary>What decides which weights a layer has.</summary>
    private readonly record struct LayerKind(bool IsPredictor, bool IsDense, bool HasIndexer);

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
                foreach (WeightSpec spec in _layers[KindOf(layer)])
                    yield return spec.Under(prefix);
            }
            foreach (WeightSpec spec in _after)
                yield return spec;
        }
    }

    /// <summary>How many there are, those that may be absent included.</summary>
    public int Count => CountOf(static _ => true);

    /// <summary>How many there must be.</summary>
    internal int RequiredCount => CountOf(static spec => !spec.IsOptional);

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
            return _outside.GetValueOrDefault(name);
        return layer >= _config.TotalLayers
            ? null
            : _inLayers[KindOf(layer)].GetValueOrDefault(name[LayerPrefix(layer).Length..]);
    }

    private int CountOf(Func<WeightSpec, bool> counts)
    {
        int count = _before.Count(counts) + _after.Count(counts);
        Dictionary<LayerKind, int> perLayer = _layers.ToDictionary(
            static kind => kind.Key,
            kind => kind.Value.Count(counts)
        );
        for (int layer = 0; layer < _config.TotalLayers; layer++)
            count += perLayer[KindOf(layer)];
        return count;
    }

    private LayerKind KindOf(int layer) =>
        new(
            layer >= _config.NumHiddenLayers,
            _config.IsDense(layer),
            _config.Indexer?.KindOf(layer) == IndexerKind.Full
        );

    private List<WeightSpec> LayerOf(LayerKind kind)
    {
        var to = new List<WeightSpec>();
        int hidden = _config.HiddenSize;
        if (kind.IsPredictor)
        {
            Optional(to, "embed_tokens", _config.VocabSize, hidden);
            Plain(to, "enorm", hidden);
            Plain(to, "hnorm", hidden);
            Linear(to, "eh_proj", hidden, 2 * hidden);
        }
        Plain(to, "input_layernorm", hidden);
        AddAttention(to, kind.HasIndexer);
        Plain(to, "post_attention_layernorm", hidden);
        if (kind.IsDense)
            AddFeedForward(to, "mlp", _config.IntermediateSize);
        else
            AddExperts(to);
        if (kind.IsPredictor)
        {
            Plain(to, "shared_head.norm", hidden);
            Optional(to, "shared_head.head", _config.VocabSize, hidden);
        }
        return to;
    }

    private void AddAttention(List<WeightSpec> to, bool hasIndexer)
    {
        const string name = "self_attn";
        AttentionShape shape = _config.Attention;
        int hidden = _config.HiddenSize;
        int heads = _config.NumAttentionHeads;
        if (_config.QLoraRank is { } rank)
        {
            Linear(to, $"{name}.q_a_proj", rank, hidden);
            Plain(to, $"{name}.q_a_layernorm", rank);
            Linear(to, $"{name}.q_b_proj", heads * shape.QueryHeadDim, rank);
        }
        else
        {
            Linear(to, $"{name}.q_proj", heads * shape.QueryHeadDim, hidden);
        }
        Linear(to, $"{name}.kv_a_proj_with_mqa", shape.CachedDim, hidden);
        Plain(to, $"{name}.kv_a_layernorm", shape.LatentDim);
        Linear(to, $"{name}.kv_b_proj", heads * shape.KeyValueHeadDim, shape.LatentDim);
        Linear(to, $"{name}.o_proj", hidden, heads * shape.ValueDim);
        if (!hasIndexer || _config.Indexer is not { } indexer)
            return;
        Linear(
            to,
            $"{name}.indexer.wq_b",
            indexer.NumHeads * indexer.HeadDim,
            _config.QLoraRank!.Value
        );
        Linear(to, $"{name}.indexer.wk", indexer.HeadDim, hidden);
        Plain(to, $"{name}.indexer.k_norm", indexer.HeadDim);
        Add(to, $"{name}.indexer.k_norm.bias", WeightSpec.Floats, indexer.HeadDim);
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
        Add(to, $"{name}.weight", WeightSpec.FloatsOrFp8, outputs, inputs);

    private static void Plain(List<WeightSpec> to, string name, params ReadOnlySpan<long> shape) =>
        Add(to, $"{name}.weight", WeightSpec.Floats, shape);

    // Absent, the main model's serves.
    private static void Optional(List<WeightSpec> to, string name, int rows, int columns)
    {
        Plain(to, name, rows, columns);
        to[^1] = to[^1] with { IsOptional = true };
    }

    private static void Add(
        List<WeightSpec> to,
        string name,
        DType[] dtypes,
        params ReadOnlySpan<long> shape
    ) => to.Add(new WeightSpec(name, dtypes, [.. shape]));
}
