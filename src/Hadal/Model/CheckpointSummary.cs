using Hadal.Bindings;
using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// What a checkpoint holds, and what a model of it needs on a device: found from its headers, and from the scales of
/// <c>kv_b_proj</c>, which tell whether it stays FP8. No other weight is read.
/// </summary>
public sealed class CheckpointSummary
{
    private readonly SortedDictionary<DType, long> _bytesByDType = [];

    private readonly CacheLayout _cache;
    private readonly long _loadedBytes;

    /// <summary>Sums up a checkpoint.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="device">What its model is to run on.</param>
    /// <param name="options">How it is to be loaded; null for the defaults.</param>
    /// <exception cref="ArgumentException">The options do not suit the checkpoint or the device.</exception>
    public CheckpointSummary(Checkpoint checkpoint, Device device, ModelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentNullException.ThrowIfNull(device);
        Config = checkpoint.Config;
        WeightSpec[] weights =
        [
            .. new WeightMap(Config).Weights.Where(weight =>
                checkpoint.Tensors.ContainsKey(weight.Name)
            ),
        ];
        Parameters = weights.Sum(weight => checkpoint[weight.Name].ElementCount);
        ActiveParameters = weights
            .Where(weight => !ModelPlan.IsOfPrediction(Config, weight.Name))
            .GroupBy(weight => weight.Name.Contains(".mlp.experts.", StringComparison.Ordinal))
            .Sum(group =>
                group.Sum(weight => checkpoint[weight.Name].ElementCount)
                / (group.Key ? Config.NRoutedExperts : 1)
                * (group.Key ? Config.NumExpertsPerTok : 1)
            );
        foreach (TensorView tensor in checkpoint.Tensors.Values)
        {
            _bytesByDType[tensor.DType] =
                _bytesByDType.GetValueOrDefault(tensor.DType) + tensor.ByteLength;
        }
        WeightBytes = _bytesByDType.Values.Sum();
        var plan = new ModelPlan(Config, options ?? new ModelOptions(), device);
        PredictionBytes = BytesOf(checkpoint, name => ModelPlan.IsOfPrediction(Config, name));
        _loadedBytes = BytesOf(checkpoint, plan.Loads);
        _cache = plan.CacheLayout;
        ExpandedBytes = Enumerable
            .Range(0, plan.Layers)
            .Sum(layer =>
                WeightLoader.ExpandedBytes(
                    checkpoint,
                    plan,
                    $"model.layers.{layer}.self_attn.kv_b_proj"
                )
            );
    }

    /// <summary>The model's configuration: layers, experts, context.</summary>
    public DeepSeekConfig Config { get; }

    /// <summary>All parameters, those of multi-token prediction included; block scales are none.</summary>
    public long Parameters { get; }

    /// <summary>Those that one token uses: of the routed experts its own, and none of multi-token prediction.</summary>
    public long ActiveParameters { get; }

    /// <summary>Bytes of all tensors, block scales included.</summary>
    public long WeightBytes { get; }

    /// <summary>The same by the tensors' types.</summary>
    public IReadOnlyDictionary<DType, long> BytesByDType => _bytesByDType;

    /// <summary>
    /// Bytes of the tensors of multi-token prediction, block scales included. They are needed only with
    /// <see cref="ModelOptions.LoadPredictor"/>.
    /// </summary>
    public long PredictionBytes { get; }

    /// <summary>
    /// Cache bytes that a token of context takes in all loaded layers together. With bf16 activations: with an indexer 656
    /// of latent and 132 of index a layer, without one 1152 of latent.
    /// </summary>
    public long CacheBytesPerToken => _cache.PageBytes / NativeMethods.HD_PAGE_TOKENS;

    /// <summary>
    /// Bytes of what is expanded at load: each loaded layer's <c>kv_b_proj</c>, unless the device multiplies by it as it is.
    /// </summary>
    public long ExpandedBytes { get; }

    /// <summary>Bytes of the caches of a context, in whole pages of 64 tokens.</summary>
    /// <param name="tokens">The context's length, or the sum of those held at once.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public long CacheBytes(long tokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        long pages = (tokens + NativeMethods.HD_PAGE_TOKENS - 1) / NativeMethods.HD_PAGE_TOKENS;
        return checked(pages * _cache.PageBytes);
    }

    /// <summary>
    /// Bytes of the loaded weights, expanded ones and caches for a context; what a step works with comes on top.
    /// </summary>
    /// <param name="tokens">The context's length, or the sum of those held at once.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public long MemoryNeeded(long tokens) =>
        checked(_loadedBytes + ExpandedBytes + CacheBytes(tokens));

    private static long BytesOf(Checkpoint checkpoint, Func<string, bool> counts) =>
        checkpoint.Tensors.Values.Where(t => counts(t.Name)).Sum(static t => t.ByteLength);
}
