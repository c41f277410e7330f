using System.Numerics;
using Hadal.Bindings;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// Cosines and sines of the positions in use, stretched by YaRN where the config says so; MLA and indexer share them.
/// Thread-safe.
/// </summary>
internal sealed unsafe class RotaryEmbedding
{
    private readonly Lock _lock = new();
    private readonly DeviceMemory _memory;
    private readonly Kernels _kernels;
    private readonly DeviceTensor _frequencies;
    private DeviceTensor _table;

    /// <param name="config">The model's shapes.</param>
    /// <param name="memory">Where the tables go.</param>
    /// <param name="kernels">What makes them.</param>
    public RotaryEmbedding(DeepSeekConfig config, DeviceMemory memory, Kernels kernels)
    {
        _memory = memory;
        _kernels = kernels;
        float[] frequencies = config.InverseFrequencies();
        _frequencies = memory.Matrix(hd_dtype.HD_DTYPE_F32, 1, frequencies.Length);
        fixed (float* host = frequencies)
            kernels.CopyToDevice(_frequencies.Data, host, sizeof(float) * frequencies.Length);
    }

    /// <summary>
    /// f32 [positions or more, 64]: cosines, then sines. Where there is none of as many positions, one of the next power of two
    /// is made, or of the most; those before stay, for the batches that have them.
    /// </summary>
    /// <param name="positions">Positions, at least 1.</param>
    /// <param name="most">The most that will ever be wanted.</param>
    public DeviceTensor Table(int positions, int most)
    {
        lock (_lock)
        {
            if (positions > _table.Rows)
            {
                int rows = (int)
                    Math.Min(BitOperations.RoundUpToPowerOf2((uint)positions), (uint)most);
                int columns = 2 * _frequencies.Columns;
                DeviceTensor table = _memory.Matrix(hd_dtype.HD_DTYPE_F32, rows, columns);
                _kernels.RopeTable(_frequencies, table);
                // Other streams read it.
                _kernels.Synchronize();
                _table = table;
            }
            return _table;
        }
    }
}
