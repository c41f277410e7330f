using System.Diagnostics;
using Hadal.Bindings;

namespace Hadal.Tensors;

/// <summary>
/// A matrix in a device's memory, [<see cref="Rows"/>, <see cref="Columns"/>] with <see cref="Stride"/> elements between
/// rows. It owns nothing, and the host never follows its pointer.
/// </summary>
internal readonly unsafe struct DeviceTensor(
    void* data,
    hd_dtype type,
    int rows,
    int columns,
    long stride
)
{
    public void* Data { get; } = data;
    public hd_dtype Type { get; } = type;
    public int Rows { get; } = rows;
    public int Columns { get; } = columns;
    public long Stride { get; } = stride;

    public float* F32 => (float*)Data;

    public int* I32 => (int*)Data;

    public bool IsContiguous => Stride == Columns || Rows <= 1;

    public static int SizeOf(hd_dtype type) =>
        type switch
        {
            hd_dtype.HD_DTYPE_F32 or hd_dtype.HD_DTYPE_I32 => 4,
            hd_dtype.HD_DTYPE_BF16 => 2,
            hd_dtype.HD_DTYPE_F8_E4M3 => 1,
            _ => throw new UnreachableException($"{type} has no size"),
        };

    /// <summary>The first rows.</summary>
    public DeviceTensor Top(int rows)
    {
        Debug.Assert((uint)rows <= (uint)Rows);
        return new DeviceTensor(Data, Type, rows, Columns, Stride);
    }

    /// <summary>Rows side by side.</summary>
    public DeviceTensor Range(int first, int count)
    {
        Debug.Assert(first >= 0 && first + count <= Rows);
        return new((byte*)Data + first * Stride * SizeOf(Type), Type, count, Columns, Stride);
    }

    /// <summary>One row.</summary>
    public DeviceTensor Row(int row) =>
        new((byte*)Data + row * Stride * SizeOf(Type), Type, 1, Columns, Stride);

    /// <summary>Columns side by side, of all rows.</summary>
    public DeviceTensor Slice(int column, int columns)
    {
        Debug.Assert(column >= 0 && column + columns <= Columns);
        return new DeviceTensor(
            (byte*)Data + (long)column * SizeOf(Type),
            Type,
            Rows,
            columns,
            Stride
        );
    }

    /// <summary>The same contiguous memory as rows of another width.</summary>
    public DeviceTensor Reshape(int columns)
    {
        Debug.Assert(IsContiguous && (long)Rows * Columns % columns == 0);
        return new DeviceTensor(
            Data,
            Type,
            checked((int)((long)Rows * Columns / columns)),
            columns,
            columns
        );
    }
}
