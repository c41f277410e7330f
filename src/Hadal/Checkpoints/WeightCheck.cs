using Hadal.Tensors;

namespace Hadal.Checkpoints;

/// <summary>Compares the tensors that are there with those that a configuration wants.</summary>
internal sealed class WeightCheck
{
    /// <summary>
    /// What other programs leave behind and no one reads: tables that are computed anew, and scales of inputs, keys and
    /// values for schemes that a config.json would have to name.
    /// </summary>
    private static readonly string[] Leftovers =
    [
        ".rotary_emb.inv_freq",
        ".input_scale",
        ".k_scale",
        ".kv_scale",
        ".prob_output_scale",
        ".q_scale",
        ".v_scale",
    ];

    private readonly WeightMap _map;
    private readonly DeepSeekConfig _config;
    private readonly IReadOnlyDictionary<string, TensorView> _tensors;
    private readonly ProblemList _problems = new();
    private readonly Dictionary<string, TensorView> _used = [];
    private readonly List<string> _notes;
    private string? _firstLeftover;
    private int _leftovers;

    private WeightCheck(
        DeepSeekConfig config,
        IReadOnlyDictionary<string, TensorView> tensors,
        List<string> notes
    )
    {
        _map = new WeightMap(config);
        _config = config;
        _tensors = tensors;
        _notes = notes;
    }

    /// <summary>The tensors that the model has, weights and scales.</summary>
    /// <param name="folder">What the error calls the checkpoint.</param>
    /// <param name="config">The model.</param>
    /// <param name="tensors">All that is there.</param>
    /// <param name="notes">Is told what was passed over.</param>
    /// <exception cref="CheckpointException">One is missing, of another shape or type, or unknown.</exception>
    public static Dictionary<string, TensorView> Check(
        string folder,
        DeepSeekConfig config,
        IReadOnlyDictionary<string, TensorView> tensors,
        List<string> notes
    )
    {
        var check = new WeightCheck(config, tensors, notes);
        int found = check.CheckPresent();
        check.AddMissing(found);
        check.NoteLeftovers();
        long count = check._problems.Count;
        if (count > 0)
            throw new CheckpointException(
                $"{folder}: {count} tensors are not what config.json tells of",
                check._problems
            );
        return check._used;
    }

    /// <returns>How many weights are there of those that must be.</returns>
    private int CheckPresent()
    {
        int found = 0;
        foreach ((string name, TensorView tensor) in _tensors)
        {
            if (_map.Find(name) is { } weight)
            {
                if (!weight.IsOptional)
                    found++;
                _used.Add(name, tensor);
                CheckWeight(weight, name, tensor);
            }
            else if (!IsScale(name))
                CheckExtra(name);
        }
        return found;
    }

    private void CheckWeight(WeightSpec weight, string name, TensorView tensor)
    {
        if (!tensor.Shape.SequenceEqual(weight.Shape.AsSpan()))
            _problems.Add(
                $"'{name}' has the shape {Text(tensor.Shape)}, must have {Text(weight.Shape.AsSpan())}"
            );
        if (!weight.DTypes.Contains(tensor.DType))
            _problems.Add($"'{name}' is {tensor.DType.Name}, must be {Text(weight.DTypes)}");
        else if (tensor.DType == DType.F8E4M3)
            CheckScale(weight, name);
    }

    private void CheckScale(WeightSpec weight, string name)
    {
        if (_config.Quantization is null)
            _problems.Add(
                $"'{name}' is {DType.F8E4M3.Name}, but config.json has no quantization_config"
            );
        string scaleName = name + WeightSpec.ScaleSuffix;
        ReadOnlySpan<long> shape = weight.ScaleShape.AsSpan();
        if (!_tensors.TryGetValue(scaleName, out TensorView scale))
        {
            _problems.Add($"'{scaleName}' is missing, must be {DType.F32.Name} {Text(shape)}");
            return;
        }
        _used.Add(scaleName, scale);
        if (scale.DType != DType.F32)
            _problems.Add($"'{scaleName}' is {scale.DType.Name}, must be {DType.F32.Name}");
        if (!scale.Shape.SequenceEqual(shape))
            _problems.Add(
                $"'{scaleName}' has the shape {Text(scale.Shape)}, must have {Text(shape)}"
            );
    }

    /// <summary>Whether it belongs to a weight in FP8, which <see cref="CheckScale"/> looks after.</summary>
    private bool IsScale(string name) =>
        WeightSpec.WithoutScaleSuffix(name) is var weight
        && weight != name
        && _map.Find(weight) is { Quantizable: true }
        && _tensors.TryGetValue(weight, out TensorView tensor)
        && tensor.DType == DType.F8E4M3;

    private void CheckExtra(string name)
    {
        if (IsLeftover(name))
        {
            _leftovers++;
            _firstLeftover ??= name;
        }
        else if (!IsPredictor(WeightMap.LayerOf(name)))
            _problems.Add($"'{name}' is extra");
    }

    private bool IsLeftover(string name)
    {
        if (Leftovers.Any(suffix => name.EndsWith(suffix, StringComparison.Ordinal)))
            return true;
        // A scale of a weight that is no FP8 has nothing to scale.
        int scale = name.LastIndexOf("_scale", StringComparison.Ordinal);
        return scale > 0
            && name[scale..] is "_scale" or WeightSpec.ScaleSuffix
            && _map.Find(name[..scale]) is not null
            && _tensors.TryGetValue(name[..scale], out TensorView weight)
            && weight.DType != DType.F8E4M3;
    }

    /// <summary>Whether a layer beyond the model's is one of multi-token prediction, which config.json does not tell of.</summary>
    private bool IsPredictor(int? layer) =>
        layer >= _config.TotalLayers
        && _tensors.ContainsKey($"{WeightMap.LayerPrefix(layer.Value)}eh_proj.weight");

    private void AddMissing(int found)
    {
        long missing = _map.RequiredCount - (long)found;
        if (missing == 0)
            return;
        long told = 0;
        foreach (WeightSpec weight in _map.Weights)
        {
            if (told == missing || _problems.IsFull)
                break;
            if (weight.IsOptional || _tensors.ContainsKey(weight.Name))
                continue;
            told++;
            _problems.Add(
                $"'{weight.Name}' is missing, must be {Text(weight.DTypes)} {Text(weight.Shape.AsSpan())}"
            );
        }
        _problems.AddCount(missing - told);
    }

    private void NoteLeftovers()
    {
        if (_leftovers > 0)
            _notes.Add(
                $"{_leftovers} tensors that no model reads are passed over, such as '{_firstLeftover}'"
            );
    }

    private static string Text(IReadOnlyList<DType> dtypes) =>
        string.Join(" or ", dtypes.Select(static dtype => dtype.Name));

    private static string Text(ReadOnlySpan<long> shape) =>
        $"[{string.Join(", ", shape.ToArray())}]";
}
