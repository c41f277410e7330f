namespace Hadal.Model;

/// <summary>
/// <c>quantization_config</c>: FP8 e4m3 weights with one f32 scale a block of 128×128, activations quantised as they
/// come. Other methods, formats and block sizes are refused.
/// </summary>
public sealed record QuantizationConfig
{
    /// <summary><c>scale_fmt</c>: the scales of activations and caches; absent is <see cref="ScaleFormat.Plain"/>.</summary>
    public required ScaleFormat ScaleFormat { get; init; }

    internal static QuantizationConfig Read(JsonFields fields)
    {
        fields.RequireText("quant_method", "fp8");
        fields.RequireText("fmt", "e4m3");
        fields.RequireText("activation_scheme", "dynamic");
        if (fields.Integers("weight_block_size", 1, 1 << 20) is not [128, 128])
            throw fields.Bad("weight_block_size", "must be [128, 128]");
        if (!fields.Has("scale_fmt"))
            return new QuantizationConfig { ScaleFormat = ScaleFormat.Plain };
        fields.RequireText("scale_fmt", "ue8m0");
        return new QuantizationConfig { ScaleFormat = ScaleFormat.Ue8m0 };
    }
}
