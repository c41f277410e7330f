using System.Diagnostics;
using Hadal.Bindings;

namespace Hadal.Tensors;

/// <summary>
/// e4m3 codes [rows, columns] in a device's memory with one f32 scale per row and 128 columns. The scales are MN-major,
/// [columns / 128, align(rows, 4)]: the form that CUDA's GEMM takes, and the CPU's takes any.
/// </summary>
internal readonly unsafe struct QuantizedTensor(byte* codes, float* scales, int rows, int columns)
{
    public byte* Codes { get; } = codes;
    public float* Scales { get; } = scales;
    public int Rows { get; } = rows;
    public int Columns { get; } = columns;

    /// <summary>Between the scales of neighbouring rows.</summary>
    public static long RowStride => 1;

    /// <summary>Between the scales of neighbouring blocks of 128 columns.</summary>
    public long BlockStride => AlignRows(Rows);

    public static long AlignRows(int rows) => (rows + 3L) & ~3L;

    public static long ScaleCount(int rows, int columns) =>
        columns / NativeMethods.HD_SCALE_BLOCK * AlignRows(rows);

    /// <summary>A matrix of fewer rows in the same memory; what it held does not carry over.</summary>
    public QuantizedTensor WithRows(int rows)
    {
        Debug.Assert((uint)rows <= (uint)Rows);
        return new QuantizedTensor(Codes, Scales, rows, Columns);
    }
}
