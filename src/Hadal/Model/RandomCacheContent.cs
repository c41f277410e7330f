using System.Runtime.InteropServices;
using Hadal.Bindings;
using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// Latents and indexer keys of no token: of deviation 1, about as large as those of real ones, and quantised as they are.
/// </summary>
internal static unsafe class RandomCacheContent
{
    /// <summary>Adds those of a step's tokens to all layers' caches, the same to each layer.</summary>
    public static void Append(Step step, ulong seed)
    {
        Kernels kernels = step.Kernels;
        Workspace w = step.Workspace;
        var random = new SplitMix64(seed);
        Fill(kernels, w.KeyLatent, ref random);
        if (w.IndexKey.Data is not null)
            Fill(kernels, w.IndexKey, ref random);
        DeviceTensor latent = w.KeyLatent.Slice(0, NativeMethods.HD_LATENT_DIM);
        DeviceTensor rope = w.KeyLatent.Slice(
            NativeMethods.HD_LATENT_DIM,
            NativeMethods.HD_ROPE_DIM
        );
        foreach (LayerCache cache in step.Caches)
        {
            kernels.AppendLatent(latent, rope, step.Slots, cache.Mla, step.ScaleFormat);
            if (cache.Index.Data is not null)
                kernels.AppendIndexKeys(w.IndexKey, step.Slots, cache.Index, step.ScaleFormat);
        }
    }

    private static void Fill(Kernels kernels, DeviceTensor x, ref SplitMix64 random)
    {
        // Uniform in ±√3.
        var values = new float[x.Rows * x.Columns];
        foreach (ref float value in values.AsSpan())
            value = (float)((2 * random.NextUnit() - 1) * Math.Sqrt(3));
        Span<byte> bytes = MemoryMarshal.AsBytes(values.AsSpan());
        if (x.Type == hd_dtype.HD_DTYPE_BF16)
        {
            // The upper half of an f32 is a bf16.
            Span<ushort> halves = MemoryMarshal.Cast<byte, ushort>(bytes);
            for (int i = 0; i < values.Length; i++)
                halves[i] = halves[2 * i + 1];
        }
        fixed (byte* from = bytes)
            kernels.CopyToDevice(x.Data, from, (long)values.Length * DeviceTensor.SizeOf(x.Type));
    }
}
