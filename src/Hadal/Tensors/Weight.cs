using Hadal.Bindings;

namespace Hadal.Tensors;

/// <summary>
/// The weight of a linear in a device's memory, [<see cref="Rows"/>, <see cref="Columns"/>], K-major, in the format of its own
/// tensor. On the CPU it lies in the mapped checkpoint.
/// </summary>
internal readonly unsafe struct Weight
{
    /// <param name="codes">e4m3 [rows, columns].</param>
    /// <param name="scales">f32, one for each 128 × 128.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="scalesArePowersOfTwo">Whether the scales are.</param>
    public Weight(byte* codes, float* scales, int rows, int columns, bool scalesArePowersOfTwo)
    {
        Format = hd_weight_format.HD_WEIGHT_FP8;
        Data = codes;
        Scales = scales;
        Rows = rows;
        Columns = columns;
        ScalesArePowersOfTwo = scalesArePowersOfTwo;
    }

    /// <param name="elements">bf16 or f32, contiguous.</param>
    public Weight(DeviceTensor elements)
    {
        // Formats of plain elements have the values of their types.
        Format = (hd_weight_format)elements.Type;
        Data = elements.Data;
        Rows = elements.Rows;
        Columns = elements.Columns;
    }

    public hd_weight_format Format { get; }

    public void* Data { get; }

    /// <summary>Null where the format has none.</summary>
    public float* Scales { get; }

    public int Rows { get; }

    public int Columns { get; }

    public bool ScalesArePowersOfTwo { get; }

    public bool IsFp8 => Format == hd_weight_format.HD_WEIGHT_FP8;

    /// <summary>The form in which the linear takes its input.</summary>
    public InputForms Input => IsFp8 ? InputForms.Quantized : InputForms.Plain;

    /// <summary>Its elements, where it is not quantised.</summary>
    public DeviceTensor Elements => new(Data, (hd_dtype)Format, Rows, Columns, Columns);
}
