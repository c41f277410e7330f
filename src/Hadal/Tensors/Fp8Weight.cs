namespace Hadal.Tensors;

/// <summary>
/// A block-quantised weight in a device's memory: e4m3 [rows, columns], K-major, with one f32 scale per 128 × 128. On the
/// CPU it lies in the mapped checkpoint.
/// </summary>
internal readonly unsafe struct Fp8Weight(
    byte* codes,
    float* scales,
    int rows,
    int columns,
    bool scalesArePowersOfTwo
)
{
    public byte* Codes { get; } = codes;
    public float* Scales { get; } = scales;
    public int Rows { get; } = rows;
    public int Columns { get; } = columns;
    public bool ScalesArePowersOfTwo { get; } = scalesArePowersOfTwo;
}
