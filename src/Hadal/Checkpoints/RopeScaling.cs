using Hadal.Json;

namespace Hadal.Checkpoints;

/// <summary><c>rope_scaling</c> or <c>rope_parameters</c>: YaRN, which stretches the lower frequencies of the rotary embedding.</summary>
public sealed record RopeScaling
{
    /// <summary><c>factor</c>: by how much the context is stretched.</summary>
    public required double Factor { get; init; }

    /// <summary><c>original_max_position_embeddings</c>: the context before the stretch.</summary>
    public required int OriginalMaxPositionEmbeddings { get; init; }

    /// <summary><c>beta_fast</c>: frequencies with more turns than this over the original context stay as they are.</summary>
    public required double BetaFast { get; init; }

    /// <summary><c>beta_slow</c>: frequencies with fewer turns than this are divided by the factor.</summary>
    public required double BetaSlow { get; init; }

    /// <summary>
    /// <c>mscale_all_dim</c>: weight of the softmax scale's correction, 0 where absent. <c>mscale</c> (1 where absent) must
    /// equal it, as then cos and sin need no correction.
    /// </summary>
    public required double MscaleAllDim { get; init; }

    /// <summary>m = 0.1 · mscale_all_dim · ln(factor) + 1; 1 where the factor stretches nothing.</summary>
    internal double Magnitude => Factor > 1 ? 0.1 * MscaleAllDim * Math.Log(Factor) + 1 : 1;

    /// <summary>Reads the fields of YaRN; absent betas are 32 and 1, as in DeepSeek's code.</summary>
    internal static RopeScaling Read(JsonFields fields)
    {
        var scaling = new RopeScaling
        {
            Factor = fields.Number("factor", 1, 1e6),
            OriginalMaxPositionEmbeddings = fields.Integer(
                "original_max_position_embeddings",
                1,
                DeepSeekConfig.MaxPositions
            ),
            BetaFast = fields.Has("beta_fast") ? fields.Number("beta_fast", 1e-3, 1e6) : 32,
            BetaSlow = fields.Has("beta_slow") ? fields.Number("beta_slow", 1e-3, 1e6) : 1,
            MscaleAllDim = fields.Has("mscale_all_dim")
                ? fields.Number("mscale_all_dim", 0, 1e3)
                : 0,
        };
        if (scaling.BetaSlow > scaling.BetaFast)
            throw fields.Bad("beta_slow", $"must be at most beta_fast, {scaling.BetaFast}");
        double mscale = fields.Has("mscale") ? fields.Number("mscale", 0, 1e3) : 1;
        if (mscale != scaling.MscaleAllDim && scaling.Factor > 1)
            throw fields.Bad(
                "mscale",
                $"must equal mscale_all_dim, {scaling.MscaleAllDim} (absent: mscale is 1, mscale_all_dim is 0)"
            );
        return scaling;
    }

    /// <summary>
    /// Applies the stretch to the frequencies of <paramref name="dim"/> rotated dimensions, each step rounded to f32 as
    /// DeepSeek's reference rounds it: at far positions an ulp of a frequency is a visible angle.
    /// </summary>
    internal void Apply(Span<float> inverseFrequency, int dim, double theta)
    {
        double low = Math.Max(Math.Floor(CorrectionDim(BetaFast, dim, theta)), 0);
        double high = Math.Min(Math.Ceiling(CorrectionDim(BetaSlow, dim, theta)), dim - 1);
        if (low == high)
            high += 0.001;
        float factor = (float)Factor;
        for (int i = 0; i < inverseFrequency.Length; i++)
        {
            float ramp = Math.Clamp((i - (float)low) / (float)(high - low), 0f, 1f);
            float keep = 1 - ramp;
            float frequency = inverseFrequency[i];
            float stretched = frequency / factor * (1 - keep);
            float kept = frequency * keep;
            inverseFrequency[i] = stretched + kept;
        }
    }

    /// <summary>The (fractional) index of the frequency that turns this often over the original context.</summary>
    private double CorrectionDim(double turns, int dim, double theta) =>
        dim
        * Math.Log(OriginalMaxPositionEmbeddings / (turns * 2 * Math.PI))
        / (2 * Math.Log(theta));
}
