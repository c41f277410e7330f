using System.Runtime.InteropServices;

namespace Hadal.Tensors;

/// <summary>One projection of all experts of a layer: <see cref="Fp8Weight"/>s of one shape.</summary>
internal sealed unsafe class ExpertWeights : IDisposable
{
    private void* _pointers;

    public ExpertWeights(ReadOnlySpan<Fp8Weight> experts)
    {
        Count = experts.Length;
        Rows = experts[0].Rows;
        Columns = experts[0].Columns;
        ScalesArePowersOfTwo = true;
        _pointers = NativeMemory.Alloc((nuint)(2 * Count), (nuint)sizeof(void*));
        Codes = (byte**)_pointers;
        Scales = (float**)_pointers + Count;
        for (int i = 0; i < Count; i++)
        {
            Codes[i] = experts[i].Codes;
            Scales[i] = experts[i].Scales;
            ScalesArePowersOfTwo &= experts[i].ScalesArePowersOfTwo;
        }
    }

    public int Count { get; }
    public int Rows { get; }
    public int Columns { get; }
    public bool ScalesArePowersOfTwo { get; }

    /// <summary>Host array [count] of device pointers.</summary>
    public byte** Codes { get; }

    /// <summary>Host array [count] of device pointers.</summary>
    public float** Scales { get; }

    public void Dispose()
    {
        NativeMemory.Free(_pointers);
        _pointers = null;
    }
}
