using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Hadal.Bindings;

namespace Hadal.Tensors;

/// <summary>One projection of all experts of a layer: <see cref="Weight"/>s of one shape and format.</summary>
internal sealed unsafe class ExpertWeights
{
    // Pinned, and the collector's.
    private readonly nint[] _pointers;

    public ExpertWeights(ReadOnlySpan<Weight> experts)
    {
        Count = experts.Length;
        Format = experts[0].Format;
        Rows = experts[0].Rows;
        Columns = experts[0].Columns;
        ScalesArePowersOfTwo = true;
        _pointers = GC.AllocateArray<nint>(2 * Count, pinned: true);
        Data = (void**)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_pointers));
        Scales = (float**)Data + Count;
        for (int i = 0; i < Count; i++)
        {
            Data[i] = experts[i].Data;
            Scales[i] = experts[i].Scales;
            ScalesArePowersOfTwo &= experts[i].ScalesArePowersOfTwo;
        }
    }

    public int Count { get; }
    public hd_weight_format Format { get; }
    public int Rows { get; }
    public int Columns { get; }
    public bool ScalesArePowersOfTwo { get; }

    public bool IsFp8 => Format == hd_weight_format.HD_WEIGHT_FP8;

    /// <summary>The form in which the linears take their input.</summary>
    public InputForms Input => IsFp8 ? InputForms.Quantized : InputForms.Plain;

    /// <summary>Host array [count] of device pointers.</summary>
    public void** Data { get; }

    /// <summary>Host array [count] of device pointers, null where the format has no scales.</summary>
    public float** Scales { get; }
}
