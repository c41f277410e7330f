using System.Runtime.CompilerServices;
using Hadal.Checkpoints;
using Hadal.Cli.Synthesis;
using Hadal.Tensors;

namespace Hadal.Cli.Gguf;

/// <summary>A weight of a checkpoint as f32, whatever its type: FP8 codes times their block's scale, BF16 or F32.</summary>
internal readonly unsafe struct CheckpointMatrix
{
    private const int Block = DeepSeekConfig.Block;

    private static readonly float[] E4M3 =
    [
        .. Enumerable
            .Range(0, 256)
            .Select(static code =>
                (code & 0x7f) == 0x7f ? float.NaN
                : code < 0x80 ? Encoding.E4M3Magnitude(code)
                : -Encoding.E4M3Magnitude(code & 0x7f)
            ),
    ];

    private readonly DType _type;
    private readonly byte* _values;

    /// <summary>Of any alignment; null where there are none.</summary>
    private readonly float* _scales;

    /// <param name="checkpoint">Has it, and must stay open.</param>
    /// <param name="name">The weight's name.</param>
    public CheckpointMatrix(Checkpoint checkpoint, string name)
    {
        TensorView values = checkpoint[name];
        _type = values.DType;
        _values = values.Data;
        _scales = _type == DType.F8E4M3 ? (float*)checkpoint[$"{name}_scale_inv"].Data : null;
    }

    /// <summary>Reads a row, as long as the span; a vector is one.</summary>
    public void ReadRow(long row, Span<float> values)
    {
        for (int column = 0; column < values.Length; column++)
            values[column] = At(row, column, values.Length);
    }

    /// <summary>Reads of a column what lies from a row on, of a matrix of so many columns.</summary>
    public void ReadColumn(long firstRow, int column, int columns, Span<float> values)
    {
        for (int i = 0; i < values.Length; i++)
            values[i] = At(firstRow + i, column, columns);
    }

    private float At(long row, int column, int columns)
    {
        long index = row * columns + column;
        switch (_type)
        {
            case DType.F8E4M3:
                long scale = row / Block * ((columns + Block - 1) / Block) + column / Block;
                return E4M3[_values[index]] * Unsafe.ReadUnaligned<float>(_scales + scale);
            case DType.BF16:
                uint bits = Unsafe.ReadUnaligned<ushort>(_values + index * sizeof(ushort));
                return BitConverter.UInt32BitsToSingle(bits << 16);
            default: // F32: a checkpoint's weights have no other type
                return Unsafe.ReadUnaligned<float>(_values + index * sizeof(float));
        }
    }
}
