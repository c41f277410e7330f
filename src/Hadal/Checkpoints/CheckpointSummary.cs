using Hadal.Bindings;
using Hadal.Caching;
using Hadal.Model;
using Hadal.Tensors;

namespace Hadal.Checkpoints;

/// <summary>What a checkpoint holds and needs, found from its headers alone: no weight is read.</summary>
public sealed class CheckpointSummary
{
    private readonly SortedDictionary<DType, long> _bytesByDType = [];

    /// <summary>Sums up a checkpoint.</summary>
    public CheckpointSummary(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        Config = checkpoint.Config;
        Parameters = new WeightMap(Config).Weights.Sum(weight =>
            checkpoint[weight.Name].ElementCount
        );
        ActiveParameters = new WeightMap(Config)
            .Weights.Where(weight => !IsPrediction(weight.Name))
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
        int tokenBytes = Config.Indexer is null
            ? MlaPages.TokenBytes(hd_mla_format.HD_MLA_BF16)
            : MlaPages.TokenBytes(hd_mla_format.HD_MLA_FP8) + NativeMethods.HD_INDEX_TOKEN_BYTES;
        CacheBytesPerToken = (long)tokenBytes * Config.NumHiddenLayers;
        ExpandedBytes =
            (long)Config.NumHiddenLayers
            * Config.NumAttentionHeads
            * (DeepSeekConfig.NopeDim + DeepSeekConfig.ValueDim)
            * DeepSeekConfig.LatentDim
            * sizeof(ushort);
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
    /// Cache bytes that a token of context takes in all decoder layers together: with an indexer 656 of latent and 132 of
    /// index a layer, without one 1152 of latent.
    /// </summary>
    public long CacheBytesPerToken { get; }

    /// <summary>
    /// Bytes of what is expanded at load: each decoder layer's <c>kv_b_proj</c>, which attention multiplies by in bf16.
    /// </summary>
    public long ExpandedBytes { get; }

    /// <summary>Bytes of the caches of a context, in whole pages of 64 tokens.</summary>
    /// <param name="tokens">The context's length, or the sum of those held at once.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public long CacheBytes(long tokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        long pages = (tokens + NativeMethods.HD_PAGE_TOKENS - 1) / NativeMethods.HD_PAGE_TOKENS;
        return checked(pages * NativeMethods.HD_PAGE_TOKENS * CacheBytesPerToken);
    }

    /// <summary>Bytes of weights, expanded ones and caches for a context; what a step works with comes on top.</summary>
    /// <param name="tokens">The context's length, or the sum of those held at once.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public long MemoryNeeded(long tokens) =>
        checked(WeightBytes + ExpandedBytes + CacheBytes(tokens));

    private bool IsPrediction(string name)
    {
        for (int layer = Config.NumHiddenLayers; layer < Config.TotalLayers; layer++)
        {
            if (name.StartsWith($"model.layers.{layer}.", StringComparison.Ordinal))
                return true;
        }
        return false;
    }
}
