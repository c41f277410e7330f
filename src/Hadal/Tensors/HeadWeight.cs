using System.Diagnostics;
using Hadal.Bindings;

namespace Hadal.Tensors;

/// <summary>
/// Equal ranges of rows of a matrix, one a head: row i of head h is row First + h · Period + i. The matrix is e4m3 with one
/// f32 scale per 128 × 128, all of them powers of two, or unquantised, without scales.
/// </summary>
internal readonly unsafe record struct HeadWeight
{
    /// <param name="weight">[heads · period, columns]; of FP8 blocks the scales are powers of two.</param>
    /// <param name="period">Rows of a head; of FP8 blocks a multiple of 128.</param>
    /// <exception cref="ArgumentException">A block reaches over the end of a head, or a scale is no power of two.</exception>
    public HeadWeight(Weight weight, int period)
    {
        if (weight.IsFp8 && (!weight.ScalesArePowersOfTwo || !IsWhole(period)))
            throw new ArgumentException(
                $"in FP8 blocks needs scales that are powers of two, and heads of whole blocks of {NativeMethods.HD_SCALE_BLOCK} rows, not {period}",
                nameof(weight)
            );
        Data = (nint)weight.Data;
        Scales = (nint)weight.Scales;
        Format = weight.Format;
        Columns = weight.Columns;
        Period = period;
        Rows = period;
    }

    /// <summary>The first row of the first head.</summary>
    public nint Data { get; private init; }

    public hd_weight_format Format { get; }

    /// <summary>Rows that a head takes.</summary>
    public int Rows { get; private init; }

    public int Columns { get; }

    /// <summary>Rows from a head to the next.</summary>
    public int Period { get; }

    /// <summary>The scale of the first block; 0 where there are none.</summary>
    public nint Scales { get; private init; }

    /// <summary>Scales of a row of blocks.</summary>
    public int ScaleColumns => Columns / NativeMethods.HD_SCALE_BLOCK;

    /// <summary>Some of the rows of each head; of FP8 blocks the first is a multiple of 128.</summary>
    public HeadWeight Range(int first, int rows)
    {
        Debug.Assert(first >= 0 && first + rows <= Rows);
        if (Scales != 0 && !IsWhole(first))
            throw new ArgumentException(
                $"must be a multiple of {NativeMethods.HD_SCALE_BLOCK}, is {first}",
                nameof(first)
            );
        nint blocks = first / NativeMethods.HD_SCALE_BLOCK * ScaleColumns;
        return this with
        {
            Data = Data + ((nint)first * Columns * DeviceTensor.SizeOf((hd_dtype)Format)),
            Scales = Scales == 0 ? 0 : Scales + (blocks * sizeof(float)),
            Rows = rows,
        };
    }

    /// <summary>Whether so many rows are whole blocks.</summary>
    public static bool IsWhole(int rows) => rows % NativeMethods.HD_SCALE_BLOCK == 0;
}
