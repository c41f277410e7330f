namespace Hadal.Checkpoints;

/// <summary>How scales are chosen when values are quantised to e4m3; the values are those of <c>hd_scale_format</c>.</summary>
public enum ScaleFormat
{
    /// <summary>s = max(amax, 1e-4) · f32(1/448). DeepSeek-V3 and R1.</summary>
    Plain = 0,

    /// <summary>The same, rounded up to a power of two. DeepSeek-V3.1 and V3.2.</summary>
    Ue8m0 = 1,
}
