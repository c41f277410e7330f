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

    private readonly bool _scalesArePowersOfTwo;

    public ReferenceLinear(Checkpoint checkpoint, string name, bool scalesArePowersOfTwo)
    {
        _scalesArePowersOfTwo = scalesArePowersOfTwo;
        TensorView view = checkpoint[$"{name}.weight"];
        Rows = (int)view.Shape[0];
        Columns = view.Shape.Length > 1 ? (int)view.Shape[1] : 1;
        Values = Expand(view);
        IsFp8 = view.DType == DType.F8E4M3;
        if (!IsFp8)
            return;
        ReadOnlySpan<float> scales = checkpoint[$"{name}.weight_scale_inv"].AsSpan<float>();
        int across = (Columns + 127) / 128;
        for (int row = 0; row < Rows; row++)
        {
            for (int column = 0; column < Columns; column++)
                Values[row * Columns + column] *= scales[row / 128 * across + column / 128];
        }
    }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>[rows, columns], scales included.</summary>
    public double[] Values { get; }

    public bool IsFp8 { get; }

    /// <summary>weight · x, of x [columns].</summary>
    public double[] Apply(double[] x)
    {
        double[] input = IsFp8 ? Quantization.RoundTrip(x, _scalesArePowersOfTwo) : x;
        var result = new double[Rows];
        for (int row = 0; row < Rows; row++)
        {
            double sum = 0;
            for (int column = 0; column < Columns; column++)
                sum += Values[row * Columns + column] * input[column];
            result[row] = sum;
        }
        return result;
    }

    /// <summary>A tensor's elements, as numbers.</summary>
    public static double[] Expand(TensorView view) =>
        view.DType switch
        {
            DType.F32 => Array.ConvertAll(view.AsSpan<float>().ToArray(), static x => (double)x),
            DType.BF16 => Array.ConvertAll(
                view.AsSpan<ushort>().ToArray(),
                static half => (double)BitConverter.UInt32BitsToSingle((uint)half << 16)
            ),
            DType.F8E4M3 => Array.ConvertAll(
                view.AsSpan<byte>().ToArray(),
                static code => s_e4m3[code]
            ),
            _ => throw new NotSupportedException($"{view}"),
        };
}
