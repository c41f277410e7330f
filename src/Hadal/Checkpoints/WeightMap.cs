using Hadal.Model;
using Hadal.Tensors;

namespace Hadal.Checkpoints;

/// <summary>
/// The one table of tensor names: every weight that a model of some configuration has, in the order of the forward pass.
/// </summary>
public sealed class WeightMap
{
    private readonly List<WeightSpec> _weights = [];
    private readonly DeepSeekConfig _config;

    /// <summary>Lists the weights of a configuration.</summary>
    public WeightMap(DeepSeekConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        _config = config;
        Plain("model.embed_tokens", config.VocabSize, config.HiddenSize);
        for (int layer = 0; layer < config.TotalLayers; layer++)
            AddLayer(layer);
        Plain("model.norm", config.HiddenSize);
        if (!config.TieWordEmbeddings)
            Plain("lm_head", config.VocabSize, config.HiddenSize);
    }

    /// <summary>The weights, without the scales of those that are FP8.</summary>
    public IReadOnlyList<WeightSpec> Weights => _weights;

    /// <summary>Compares tensors with the table.</summary>
    /// <returns>Every tensor that is missing, of another shape or type, or not in the table; empty where all is well.</returns>
    public IReadOnlyList<string> Check(IReadOnlyDictionary<string, TensorView> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var problems = new List<string>();
        var known = new HashSet<string>();
        foreach (WeightSpec weight in _weights)
        {
            known.Add(weight.Name);
            bool found = CheckTensor(
                tensors,
                weight.Name,
                weight.DTypes,
                weight.Shape.AsSpan(),
                problems
            );
            if (!found || !weight.Quantizable || tensors[weight.Name].DType != DType.F8E4M3)
                continue;
            known.Add(weight.ScaleName);
            CheckTensor(
                tensors,
                weight.ScaleName,
                [DType.F32],
                weight.ScaleShape.AsSpan(),
                problems
            );
            if (_config.Quantization is null)
                problems.Add(
                    $"'{weight.Name}' is {DType.F8E4M3.Name}, but config.json has no quantization_config"
                );
        }
        problems.AddRange(
            tensors.Keys.Where(name => !known.Contains(name)).Select(static n => $"'{n}' is extra")
        );
        return problems;
    }

    /// <returns>Whether the tensor is there.</returns>
    private static bool CheckTensor(
        IReadOnlyDictionary<string, TensorView> tensors,
        string name,
        IReadOnlyList<DType> dtypes,
        ReadOnlySpan<long> shape,
        List<string> problems
    )
    {
        string types = string.Join(" or ", dtypes.Select(static dtype => dtype.Name));
        if (!tensors.TryGetValue(name, out TensorView tensor))
        {
            problems.Add($"'{name}' is missing, must be {types} {Text(shape)}");
            return false;
        }
        if (!dtypes.Contains(tensor.DType))
            problems.Add($"'{name}' is {tensor.DType.Name}, must be {types}");
        if (!tensor.Shape.SequenceEqual(shape))
            problems.Add($"'{name}' has the shape {Text(tensor.Shape)}, must have {Text(shape)}");
        return true;
    }

    private static string Text(ReadOnlySpan<long> shape) =>
        $"[{string.Join(", ", shape.ToArray())}]";

    private void AddLayer(int layer)
    {
        string name = $"model.layers.{layer}";
        int hidden = _config.HiddenSize;
        bool predictsTokens = layer >= _config.NumHiddenLayers;
        if (predictsTokens)
        {
            Plain($"{name}.embed_tokens", _config.VocabSize, hidden);
            Plain($"{name}.enorm", hidden);
            Plain($"{name}.hnorm", hidden);
            Linear($"{name}.eh_proj", hidden, 2 * hidden);
        }
        Plain($"{name}.input_layernorm", hidden);
        AddAttention($"{name}.self_attn");
        Plain($"{name}.post_attention_layernorm", hidden);
        if (_config.IsDense(layer))
            AddFeedForward($"{name}.mlp", _config.IntermediateSize);
        else
            AddExperts($"{name}.mlp");
        if (predictsTokens)
        {
            Plain($"{name}.shared_head.norm", hidden);
            Plain($"{name}.shared_head.head", _config.VocabSize, hidden);
        }
    }

    private void AddAttention(string name)
    {
        const int keyValueDim = DeepSeekConfig.NopeDim + DeepSeekConfig.ValueDim;
        int hidden = _config.HiddenSize;
        int heads = _config.NumAttentionHeads;
        Linear($"{name}.q_a_proj", _config.QLoraRank, hidden);
        Plain($"{name}.q_a_layernorm", _config.QLoraRank);
        Linear($"{name}.q_b_proj", heads * DeepSeekConfig.QueryHeadDim, _config.QLoraRank);
        Linear(
            $"{name}.kv_a_proj_with_mqa",
            DeepSeekConfig.LatentDim + DeepSeekConfig.RopeDim,
            hidden
        );
        Plain($"{name}.kv_a_layernorm", DeepSeekConfig.LatentDim);
        Linear($"{name}.kv_b_proj", heads * keyValueDim, DeepSeekConfig.LatentDim);
        Linear($"{name}.o_proj", hidden, heads * DeepSeekConfig.ValueDim);
        if (_config.Indexer is not { } indexer)
            return;
        Linear(
            $"{name}.indexer.wq_b",
            indexer.NumHeads * DeepSeekConfig.IndexDim,
            _config.QLoraRank
        );
        Linear($"{name}.indexer.wk", DeepSeekConfig.IndexDim, hidden);
        Plain($"{name}.indexer.k_norm", DeepSeekConfig.IndexDim);
        Add($"{name}.indexer.k_norm.bias", quantizable: false, DeepSeekConfig.IndexDim);
        Plain($"{name}.indexer.weights_proj", indexer.NumHeads, hidden);
    }

    private void AddExperts(string name)
    {
        Plain($"{name}.gate", _config.NRoutedExperts, _config.HiddenSize);
        Add($"{name}.gate.e_score_correction_bias", quantizable: false, _config.NRoutedExperts);
        for (int expert = 0; expert < _config.NRoutedExperts; expert++)
            AddFeedForward($"{name}.experts.{expert}", _config.MoeIntermediateSize);
        AddFeedForward($"{name}.shared_experts", _config.SharedIntermediateSize);
    }

    private void AddFeedForward(string name, int intermediate)
    {
        Linear($"{name}.gate_proj", intermediate, _config.HiddenSize);
        Linear($"{name}.up_proj", intermediate, _config.HiddenSize);
        Linear($"{name}.down_proj", _config.HiddenSize, intermediate);
    }

    private void Linear(string name, long outputs, long inputs) =>
        Add($"{name}.weight", quantizable: true, outputs, inputs);

    private void Plain(string name, params ReadOnlySpan<long> shape) =>
        Add($"{name}.weight", quantizable: false, shape);

    private void Add(string name, bool quantizable, params ReadOnlySpan<long> shape) =>
        _weights.Add(new WeightSpec(name, quantizable, [.. shape]));
}
