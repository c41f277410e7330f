namespace Hadal.Tensors;

/// <summary>In which forms the input of linears is wanted: the formats of their weights decide.</summary>
[Flags]
internal enum InputForms
{
    None = 0,

    /// <summary>As the activations are: of unquantised weights.</summary>
    Plain = 1,

    /// <summary>Quantised to e4m3: of weights in FP8 blocks.</summary>
    Quantized = 2,
}
