using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Tests.Model.Reference;

/// <summary>
/// A weight, [rows, columns], expanded to double precision. A linear in FP8 blocks quantises its input per 128 columns;
/// one in BF16 or F32 does not.
/// </summary>
internal sealed class ReferenceLinear
{
    private static readonly double[] s_e4m3 =
    [
        .. Enumerable.Range(0, 256).Select(static code => E4M3.Decode((byte)code)),
    ];

    private readonly double[] _values;
    private readonly int _rows;
    private readonly int _columns;
    private readonly bool _scalesArePowersOfTwo;

    public ReferenceLinear(Checkpoint checkpoint, string name, bool scalesArePowersOfTwo)
    {
        _scalesArePowersOfTwo = scalesArePowersOfTwo;
        TensorView view = checkpoint[$"{name}.weight"];
        _rows = (int)view.Shape[0];
        _columns = (int)view.Shape[1];
        _values = Expand(view);
        IsFp8 = view.DType == DType.F8E4M3;
        if (!IsFp8)
            return;
        ReadOnlySpan<float> scales = checkpoint[$"{name}.weight_scale_inv"].AsSpan<float>();
        int across = (_columns + 127) / 128;
        for (int row = 0; row < _rows; row++)
        {
            ReadOnlySpan<float> blocks = scales.Slice(row / 128 * across, across);
            Span<double> values = _values.AsSpan(row * _columns, _columns);
            for (int column = 0; column < values.Length; column++)
                values[column] *= blocks[column / 128];
        }
    }

    public bool IsFp8 { get; }

    /// <summary>weight · x, of x [columns], quantised first where the weight is FP8.</summary>
    public double[] Apply(double[] x) =>
        Multiply(IsFp8 ? Quantization.RoundTrip(x, _scalesArePowersOfTwo) : x);

    /// <summary>weight · x, of x [columns] as it is.</summary>
    public double[] Multiply(double[] x)
    {
        var result = new double[_rows];
        for (int row = 0; row < _rows; row++)
            result[row] = ReferenceMath.Dot(_values.AsSpan(row * _columns, _columns), x);
        return result;
    }

    /// <summary>A tensor's elements, as numbers.</summary>
    public static double[] Expand(TensorView view)
    {
        var result = new double[view.ElementCount];
        if (view.DType == DType.F32)
        {
            ReadOnlySpan<float> floats = view.AsSpan<float>();
            for (int i = 0; i < result.Length; i++)
                result[i] = floats[i];
            return result;
        }
        if (view.DType == DType.BF16)
        {
            ReadOnlySpan<ushort> halves = view.AsSpan<ushort>();
            for (int i = 0; i < result.Length; i++)
                result[i] = BitConverter.UInt32BitsToSingle((uint)halves[i] << 16);
            return result;
        }
        if (view.DType == DType.F8E4M3)
        {
            double[] values = s_e4m3;
            ReadOnlySpan<byte> codes = view.Bytes;
            for (int i = 0; i < result.Length; i++)
                result[i] = values[codes[i]];
            return result;
        }
        throw new NotSupportedException($"{view}");
    }
}
