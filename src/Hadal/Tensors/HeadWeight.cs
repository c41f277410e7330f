using System.Diagnostics;
using Hadal.Bindings;

namespace Hadal.Tensors;

/// <summary>
/// Equal ranges of rows of a matrix, one a head: row i of head h is row First + h · Period + i. The matrix is e4m3 with one
/// f32 scale per 128 × 128, all of them powers of two, or unquantised, without scales.
/// </summary>
internal readonly unsafe record struct HeadWeight
{
    /// <param name="weight">[heads · period, columns], its scales powers of two.</param>
    /// <param name="period">Rows of a head.</param>
    public HeadWeight(Fp8Weight weight, int period)
        : this((nint)weight.Codes, hd_dtype.HD_DTYPE_F8_E4M3, weight.Columns, period)
    {
        Debug.Assert(weight.ScalesArePowersOfTwo && period % NativeMethods.HD_SCALE_BLOCK == 0);
        Scales = (nint)weight.Scales;
    }

    /// <param name="weight">[heads · period, columns], contiguous.</param>
    /// <param name="period">Rows of a head.</param>
    public HeadWeight(DeviceTensor weight, int period)
        : this((nint)weight.Data, weight.Type, weight.Columns, period) =>
        Debug.Assert(weight.IsContiguous);

    private HeadWeight(nint data, hd_dtype type, int columns, int period)
    {
        Data = data;
        Type = type;
        Columns = columns;
        Period = period;
        Rows = period;
    }

    /// <summary>The first row of the first head.</summary>
    public nint Data { get; private init; }

    public hd_dtype Type { get; }

    /// <summary>Rows that a head takes.</summary>
    public int Rows { get; private init; }

    public int Columns { get; }

    /// <summary>Rows from a head to the next.</summary>
    public int Period { get; }

    /// <summary>The scale of the first block; 0 where there are none.</summary>
    public nint Scales { get; private init; }

    /// <summary>Scales of a row of blocks.</summary>
    public int ScaleColumns => Columns / NativeMethods.HD_SCALE_BLOCK;

    /// <summary>Some of the rows of each head; the first a multiple of 128.</summary>
    public HeadWeight Range(int first, int rows)
    {
        Debug.Assert(first % NativeMethods.HD_SCALE_BLOCK == 0 && first + rows <= Rows);
        nint blocks = first / NativeMethods.HD_SCALE_BLOCK * ScaleColumns;
        return this with
        {
            Data = Data + ((nint)first * Columns * DeviceTensor.SizeOf(Type)),
            Scales = Scales == 0 ? 0 : Scales + (blocks * sizeof(float)),
            Rows = rows,
        };
    }
}
