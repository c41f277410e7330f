using Hadal.Json;

namespace Hadal.Checkpoints;

/// <summary>
/// <c>quantization_config</c>: FP8 e4m3 weights with one f32 scale a block of 128×128, activations quantised as they
/// come. Other methods, formats and block sizes are refused, and so is every field that is not known.
/// </summary>
public sealed record QuantizationConfig
{
    private static readonly string[] Known =
    [
        "quant_method",
        "fmt",
        "activation_scheme",
        "weight_block_size",
        "scale_fmt",
        "dequantize",
        // Of no effect: the tensors' own types tell which are quantised.
        "modules_to_not_convert",
        "ignored_layers",
    ];

    /// <summary><c>scale_fmt</c>: the scales of activations and caches; absent or <c>float</c> is <see cref="ScaleFormat.Plain"/>.</summary>
    public required ScaleFormat ScaleFormat { get; init; }

    internal static QuantizationConfig Read(JsonFields fields)
    {
        fields.RequireText("quant_method", "fp8");
        fields.RequireOrAbsent("fmt", "e4m3");
        fields.RequireOrAbsent("activation_scheme", "dynamic");
        fields.RequireOrAbsent("dequantize", false);
        if (fields.Integers("weight_block_size", 1, 1 << 20) is not [128, 128])
            throw fields.Bad("weight_block_size", "must be [128, 128]");
        fields.RequireKnown(Known);
        bool isUe8m0 =
            fields.Has("scale_fmt") && fields.RequireText("scale_fmt", "ue8m0", "float") == "ue8m0";
        return new QuantizationConfig
        {
            ScaleFormat = isUe8m0 ? ScaleFormat.Ue8m0 : ScaleFormat.Plain,
        };
    }
}
