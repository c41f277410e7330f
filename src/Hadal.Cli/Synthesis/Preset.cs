using System.Text.Json.Nodes;

namespace Hadal.Cli.Synthesis;

/// <summary>Configurations that a checkpoint can be made for by name.</summary>
internal static class Preset
{
    public const string V3At800M = "v3-800m";
    public const string TrueShape = "true-shape";

    /// <returns>The preset's <c>config.json</c>.</returns>
    public static JsonObject Config(string name)
    {
        JsonObject config = Shared();
        JsonObject sizes = name == V3At800M ? Sizes800M() : SizesTrueShape();
        foreach ((string field, JsonNode? value) in sizes)
            config[field] = value!.DeepClone();
        return config;
    }

    /// <summary>0.8 thousand million parameters in DeepSeek-V3.2's architecture, 0.18 of them active.</summary>
    private static JsonObject Sizes800M() =>
        new()
        {
            ["vocab_size"] = 4096,
            ["hidden_size"] = 1024,
            ["intermediate_size"] = 3072,
            ["moe_intermediate_size"] = 512,
            ["num_hidden_layers"] = 8,
            ["first_k_dense_replace"] = 1,
            ["num_attention_heads"] = 16,
            ["num_key_value_heads"] = 16,
            ["q_lora_rank"] = 768,
            ["n_routed_experts"] = 64,
            ["index_n_heads"] = 16,
        };

    /// <summary>The shapes of DeepSeek-V3.2, with a dense layer and one of few experts, and few words.</summary>
    private static JsonObject SizesTrueShape() =>
        new()
        {
            ["vocab_size"] = 4096,
            ["hidden_size"] = 7168,
            ["intermediate_size"] = 18432,
            ["moe_intermediate_size"] = 2048,
            ["num_hidden_layers"] = 2,
            ["first_k_dense_replace"] = 1,
            ["num_attention_heads"] = 128,
            ["num_key_value_heads"] = 128,
            ["q_lora_rank"] = 1536,
            ["n_routed_experts"] = 32,
            ["index_n_heads"] = 64,
        };

    /// <summary>What both have of DeepSeek-V3.2 unchanged.</summary>
    private static JsonObject Shared() =>
        new()
        {
            ["architectures"] = new JsonArray("DeepseekV32ForCausalLM"),
            ["model_type"] = "deepseek_v32",
            ["torch_dtype"] = "bfloat16",
            ["hidden_act"] = "silu",
            ["kv_lora_rank"] = 512,
            ["qk_nope_head_dim"] = 128,
            ["qk_rope_head_dim"] = 64,
            ["v_head_dim"] = 128,
            ["index_head_dim"] = 128,
            ["index_topk"] = 2048,
            ["n_shared_experts"] = 1,
            ["num_experts_per_tok"] = 8,
            ["n_group"] = 8,
            ["topk_group"] = 4,
            ["topk_method"] = "noaux_tc",
            ["scoring_func"] = "sigmoid",
            ["norm_topk_prob"] = true,
            ["routed_scaling_factor"] = 2.5,
            ["moe_layer_freq"] = 1,
            ["num_nextn_predict_layers"] = 0,
            ["rms_norm_eps"] = 1e-6,
            ["attention_bias"] = false,
            ["tie_word_embeddings"] = false,
            ["max_position_embeddings"] = 163840,
            ["rope_theta"] = 10000,
            ["rope_scaling"] = new JsonObject
            {
                ["type"] = "yarn",
                ["factor"] = 40,
                ["beta_fast"] = 32,
                ["beta_slow"] = 1,
                ["mscale"] = 1.0,
                ["mscale_all_dim"] = 1.0,
                ["original_max_position_embeddings"] = 4096,
            },
            ["bos_token_id"] = 0,
            ["eos_token_id"] = 1,
            ["quantization_config"] = new JsonObject
            {
                ["quant_method"] = "fp8",
                ["fmt"] = "e4m3",
                ["activation_scheme"] = "dynamic",
                ["weight_block_size"] = new JsonArray(128, 128),
                ["scale_fmt"] = "ue8m0",
            },
        };
}
