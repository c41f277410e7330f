using Hadal.Bindings;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// Scratch of the expanded form of attention: a sequence's tokens read back from the cache, and the keys and values made of
/// them. It grows with the caches in use; recorded steps, which decode, do not touch it.
/// </summary>
internal sealed class ExpandedContext(DeviceMemory memory, DeepSeekConfig config, hd_dtype act)
    : IDisposable
{
    private DeviceMemory _memory = new(memory.Device, memory.IsCounting);
    private DeviceTensor _latents;
    private QuantizedTensor _codes;
    private DeviceTensor _keyValues;

    /// <summary>The most tokens that it serves.</summary>
    public int Tokens => _latents.Rows;

    public long AllocatedBytes => _memory.AllocatedBytes;

    /// <summary>Makes it serve as many tokens at least. What it held does not carry over.</summary>
    /// <exception cref="HadalException">The device has not enough memory; it serves what it did.</exception>
    public void Reserve(int tokens)
    {
        if (tokens <= Tokens)
            return;
        var larger = new DeviceMemory(_memory.Device, _memory.IsCounting);
        try
        {
            DeviceTensor latents = larger.Matrix(act, tokens, NativeMethods.HD_MLA_DIM);
            QuantizedTensor codes = larger.Quantized(tokens, NativeMethods.HD_LATENT_DIM);
            int width =
                config.NumAttentionHeads * (DeepSeekConfig.NopeDim + DeepSeekConfig.ValueDim);
            DeviceTensor keyValues = larger.Matrix(act, tokens, width);
            (_latents, _codes, _keyValues) = (latents, codes, keyValues);
            (_memory, larger) = (larger, _memory);
        }
        finally
        {
            larger.Dispose();
        }
    }

    /// <summary>A sequence's tokens, [keys, (latent, rope)].</summary>
    public DeviceTensor Latents(int keys) => _latents.Top(keys);

    /// <summary>Their latents, quantised.</summary>
    public QuantizedTensor Codes(int keys) => _codes.WithRows(keys);

    /// <summary>Their keys and values, [keys, heads · (nope, v)].</summary>
    public DeviceTensor KeyValues(int keys) => _keyValues.Top(keys);

    public void Dispose() => _memory.Dispose();
}
