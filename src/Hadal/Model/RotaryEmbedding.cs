using System.Numerics;
using Hadal.Bindings;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// Cosines and sines of the positions in use, stretched by YaRN where the config says so; MLA and indexer share them.
/// </summary>
internal sealed unsafe class RotaryEmbedding
{
    private readonly DeviceMemory _memory;
    private readonly Kernels _kernels;
    private readonly DeviceTensor _frequencies;

    public RotaryEmbedding(DeepSeekConfig config, DeviceMemory memory, Kernels kernels)
    {
        _memory = memory;
        _kernels = kernels;
        float[] frequencies = config.InverseFrequencies();
        _frequencies = memory.Matrix(hd_dtype.HD_DTYPE_F32, 1, frequencies.Length);
        fixed (float* host = frequencies)
            kernels.CopyToDevice(_frequencies.Data, host, sizeof(float) * frequencies.Length);
    }

    /// <summary>f32 [positions, 64]: cosines, then sines; empty before the first <see cref="Reserve"/>.</summary>
    public DeviceTensor Table { get; private set; }

    /// <summary>
    /// Makes the table serve as many positions at least. It doubles, and the one before stays, as recorded steps use it:
    /// theirs are the positions of older caches, which it has.
    /// </summary>
    /// <param name="positions">Positions, at least 1.</param>
    /// <param name="most">The most that will ever be wanted.</param>
    public void Reserve(int positions, int most)
    {
        if (positions <= Table.Rows)
            return;
        int rows = (int)Math.Min(BitOperations.RoundUpToPowerOf2((uint)positions), (uint)most);
        DeviceTensor table = _memory.Matrix(hd_dtype.HD_DTYPE_F32, rows, DeepSeekConfig.RopeDim);
        _kernels.RopeTable(_frequencies, table);
        Table = table;
    }
}
