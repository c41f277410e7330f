using Hadal.Json;

namespace Hadal.Checkpoints;

/// <summary>
/// The fields of the family's configurations that change results and have one value here. Each field that the classes
/// deepseek_v3, deepseek_v32, glm_moe_dsa, glm4_moe_lite and kimi_k2 publish is in this table, is read by
/// <see cref="DeepSeekConfig"/>, <see cref="AttentionShape"/>, <see cref="RotaryFields"/>, <see cref="IndexerConfig"/> or
/// <see cref="QuantizationConfig"/>, or is of no effect here: <c>head_dim</c>, which no width of latent attention is told by;
/// what only training, other programs or the name of things needs (<c>attention_dropout</c>, <c>aux_loss_alpha</c>,
/// <c>seq_aux</c>, <c>initializer_range</c>, <c>ep_size</c>, <c>use_cache</c>, <c>pad_token_id</c>, <c>architectures</c>,
/// <c>auto_map</c>, <c>transformers_version</c>), and <c>dtype</c> and <c>torch_dtype</c>, as each tensor tells its own type.
/// </summary>
internal static class FixedFields
{
    /// <summary>Name, value, and whether the absent field means the same.</summary>
    private static readonly (string Name, object? Value, bool MayBeAbsent)[] Table =
    [
        // Attention.
        ("attention_bias", false, true),
        ("rope_interleave", true, true),
        ("partial_rotary_factor", 1, true),
        ("use_qk_norm", false, true),
        ("use_mla", true, true),
        ("mla_use_nope", false, true),
        ("use_sliding_window", false, true),
        ("sliding_window", null, true),
        // Feed-forward and routing.
        ("hidden_act", "silu", false),
        ("mlp_bias", false, true),
        ("swiglu_limit", null, true),
        ("scoring_func", "sigmoid", true),
        ("topk_method", "noaux_tc", true),
        ("moe_layer_freq", 1, true),
        ("moe_router_dtype", "float32", true),
        ("pretraining_tp", 1, true),
        // The older name of a quantization_config of other methods.
        ("compression_config", null, true),
    ];

    public static void Check(JsonFields fields)
    {
        foreach ((string name, object? value, bool mayBeAbsent) in Table)
        {
            if (mayBeAbsent)
                fields.RequireOrAbsent(name, value);
            else
                fields.Require(name, value);
        }
        fields.RequireAgreement("dtype", "torch_dtype");
        fields.RequireAgreement("num_local_experts", "n_routed_experts");
        fields.RequireAgreement("num_experts", "n_routed_experts");
    }
}
