namespace Hadal.Cli.Synthesis;

/// <summary>
/// FP8 linears of so many inputs: blocks with scales of their own, the elements' deviation 1/√inputs, so that a product
/// with a normalised input is about as large as that. Codes reach the largest one, as they do where a checkpoint was
/// quantised.
/// </summary>
internal sealed class RandomLinear
{
    private readonly ScaleKind _kind;

    /// <summary>The largest scale; a block has that, or down to half.</summary>
    private readonly float _scale;

    public RandomLinear(int inputs, ScaleKind kind)
    {
        _kind = kind;
        // The root mean square of the blocks' factors: ½ or 1, or uniform between them.
        double rms = Math.Sqrt(kind == ScaleKind.PowersOfTwo ? 5 / 8.0 : 7 / 12.0);
        double deviation = 1 / (Math.Sqrt(inputs) * rms);
        double scale = deviation * RandomElements<byte>.Bound / Encoding.LargestE4M3;
        _scale = (float)(
            kind == ScaleKind.PowersOfTwo ? Math.Pow(2, Math.Ceiling(Math.Log2(scale))) : scale
        );
        Codes = new RandomElements<byte>(0, deviation / _scale, Encoding.E4M3);
    }

    public RandomElements<byte> Codes { get; }

    public void FillScales(ref SplitMix64 random, Span<float> scales)
    {
        foreach (ref float scale in scales)
        {
            double draw = random.NextUnit();
            scale = _kind switch
            {
                ScaleKind.PowersOfTwo => draw < 0.5 ? _scale / 2 : _scale,
                _ => (float)(_scale * (0.5 + draw / 2)),
            };
        }
    }
}
