using Hadal.Bindings;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>Cosines and sines of all positions, stretched by YaRN where the config says so; MLA and indexer share them.</summary>
internal sealed unsafe class RotaryEmbedding
{
    public RotaryEmbedding(
        DeepSeekConfig config,
        DeviceMemory memory,
        Kernels kernels,
        int positions
    )
    {
        float[] frequencies = config.InverseFrequencies();
        DeviceTensor onDevice = memory.Matrix(hd_dtype.HD_DTYPE_F32, 1, frequencies.Length);
        fixed (float* host = frequencies)
            kernels.CopyToDevice(onDevice.Data, host, sizeof(float) * frequencies.Length);
        Table = memory.Matrix(hd_dtype.HD_DTYPE_F32, positions, DeepSeekConfig.RopeDim);
        kernels.RopeTable(onDevice, Table);
    }

    /// <summary>f32 [positions, 64]: cosines, then sines.</summary>
    public DeviceTensor Table { get; }
}
