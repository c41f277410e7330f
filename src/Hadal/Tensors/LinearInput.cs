using Hadal.Bindings;

namespace Hadal.Tensors;

/// <summary>The input of linears in the forms that their weights want; of a form that none wants there may be no memory.</summary>
internal readonly struct LinearInput(DeviceTensor plain, QuantizedTensor codes)
{
    /// <summary>[rows, columns].</summary>
    public DeviceTensor Plain { get; } = plain;

    /// <summary>The same, quantised.</summary>
    public QuantizedTensor Codes { get; } = codes;

    /// <summary>Memory for the forms that are wanted.</summary>
    public static LinearInput Allocate(
        DeviceMemory memory,
        hd_dtype type,
        int rows,
        int columns,
        InputForms forms
    ) =>
        new(
            forms.HasFlag(InputForms.Plain) ? memory.Matrix(type, rows, columns) : default,
            forms.HasFlag(InputForms.Quantized) ? memory.Quantized(rows, columns) : default
        );

    /// <summary>Fewer rows in the same memory; what the codes held does not carry over.</summary>
    public LinearInput WithRows(int rows) =>
        new(
            Plain.Rows == 0 ? default : Plain.Top(rows),
            Codes.Rows == 0 ? default : Codes.WithRows(rows)
        );
}
