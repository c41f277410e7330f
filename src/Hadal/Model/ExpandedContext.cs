using Hadal.Bindings;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// Scratch of the expanded form of attention: a sequence's tokens read back from the cache, and the keys and values made of
/// them. Recorded steps, which decode, do not touch it.
/// </summary>
/// <param name="memory">Where it is allocated.</param>
/// <param name="plan">The model's shapes.</param>
/// <param name="tokens">The most tokens that it serves; 0 without the expanded form.</param>
internal sealed class ExpandedContext(DeviceMemory memory, ModelPlan plan, int tokens)
{
    private readonly DeviceTensor _cached = memory.Matrix(
        plan.Activations,
        tokens,
        NativeMethods.HD_MLA_DIM
    );
    private readonly QuantizedTensor _codes = memory.Quantized(tokens, NativeMethods.HD_LATENT_DIM);
    private readonly DeviceTensor _keyValues = memory.Matrix(
        plan.Activations,
        tokens,
        plan.Config.NumAttentionHeads * plan.Config.Attention.KeyValueHeadDim
    );

    /// <summary>A sequence's tokens, [keys, (latent, rope)].</summary>
    public DeviceTensor Cached(int keys) => _cached.Top(keys);

    /// <summary>Their latents, [keys, latent].</summary>
    public LinearInput Latents(int keys) =>
        new(Cached(keys).Slice(0, NativeMethods.HD_LATENT_DIM), _codes.WithRows(keys));

    /// <summary>Their keys and values, [keys, heads · (nope, v)].</summary>
    public DeviceTensor KeyValues(int keys) => _keyValues.Top(keys);
}
