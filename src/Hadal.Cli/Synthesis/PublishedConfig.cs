namespace Hadal.Cli.Synthesis;

/// <summary>
/// The <c>config.json</c> of published models in their own spelling, without what names classes of other programs.
/// </summary>
internal static class PublishedConfig
{
    /// <summary>deepseek-ai/DeepSeek-V3.2.</summary>
    public const string DeepSeekV32 = """
        { "architectures": ["DeepseekV32ForCausalLM"], "model_type": "deepseek_v32", "torch_dtype": "bfloat16",
          "vocab_size": 129280, "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048,
          "num_hidden_layers": 61, "first_k_dense_replace": 3, "num_nextn_predict_layers": 1, "hidden_act": "silu",
          "num_attention_heads": 128, "num_key_value_heads": 128, "q_lora_rank": 1536, "kv_lora_rank": 512,
          "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "attention_bias": false,
          "index_n_heads": 64, "index_head_dim": 128, "index_topk": 2048, "n_routed_experts": 256,
          "n_shared_experts": 1, "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4, "topk_method": "noaux_tc",
          "scoring_func": "sigmoid", "norm_topk_prob": true, "routed_scaling_factor": 2.5, "moe_layer_freq": 1,
          "rms_norm_eps": 1e-06, "tie_word_embeddings": false, "max_position_embeddings": 163840,
          "rope_theta": 10000,
          "rope_scaling": { "type": "yarn", "factor": 40, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0,
            "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096 },
          "bos_token_id": 0, "eos_token_id": 1,
          "quantization_config": { "quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
            "weight_block_size": [128, 128], "scale_fmt": "ue8m0" } }
        """;

    /// <summary>moonshotai/Moonlight-16B-A3B: queries without a latent, all in BF16.</summary>
    public const string Moonlight = """
        { "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "torch_dtype": "bfloat16",
          "attention_bias": false, "attention_dropout": 0.0, "aux_loss_alpha": 0.001, "bos_token_id": 163584,
          "eos_token_id": 163586, "ep_size": 1, "first_k_dense_replace": 1, "hidden_act": "silu",
          "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 11264, "kv_lora_rank": 512,
          "max_position_embeddings": 8192, "moe_intermediate_size": 1408, "moe_layer_freq": 1, "n_group": 1,
          "n_routed_experts": 64, "n_shared_experts": 2, "norm_topk_prob": true, "num_attention_heads": 16,
          "num_experts_per_tok": 6, "num_hidden_layers": 27, "num_key_value_heads": 16,
          "num_nextn_predict_layers": 0, "pretraining_tp": 1, "q_lora_rank": null, "qk_nope_head_dim": 128,
          "qk_rope_head_dim": 64, "rms_norm_eps": 1e-05, "rope_theta": 50000.0, "routed_scaling_factor": 2.446,
          "scoring_func": "sigmoid", "seq_aux": true, "tie_word_embeddings": false, "topk_group": 1,
          "topk_method": "noaux_tc", "use_cache": true, "v_head_dim": 128, "vocab_size": 163840 }
        """;

    /// <summary>moonshotai/Kimi-K2-Instruct.</summary>
    public const string KimiK2 = """
        { "architectures": ["DeepseekV3ForCausalLM"], "model_type": "kimi_k2", "torch_dtype": "bfloat16",
          "attention_bias": false, "attention_dropout": 0.0, "aux_loss_alpha": 0.001, "bos_token_id": 163584,
          "eos_token_id": 163585, "first_k_dense_replace": 1, "hidden_act": "silu", "hidden_size": 7168,
          "initializer_range": 0.02, "intermediate_size": 18432, "kv_lora_rank": 512,
          "max_position_embeddings": 131072, "moe_intermediate_size": 2048, "moe_layer_freq": 1, "n_group": 1,
          "n_routed_experts": 384, "n_shared_experts": 1, "norm_topk_prob": true, "num_attention_heads": 64,
          "num_experts_per_tok": 8, "num_hidden_layers": 61, "num_key_value_heads": 64,
          "num_nextn_predict_layers": 0, "pretraining_tp": 1, "q_lora_rank": 1536, "qk_nope_head_dim": 128,
          "qk_rope_head_dim": 64,
          "quantization_config": { "activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
            "weight_block_size": [128, 128] },
          "rms_norm_eps": 1e-06, "rope_theta": 50000.0, "routed_scaling_factor": 2.827,
          "rope_scaling": { "beta_fast": 1.0, "beta_slow": 1.0, "factor": 32.0, "mscale": 1.0,
            "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096, "type": "yarn" },
          "scoring_func": "sigmoid", "seq_aux": true, "tie_word_embeddings": false, "topk_group": 1,
          "topk_method": "noaux_tc", "use_cache": true, "v_head_dim": 128, "vocab_size": 163840 }
        """;

    /// <summary>zai-org/GLM-4.7-Flash, in BF16.</summary>
    public const string Glm47Flash = """
        { "architectures": ["Glm4MoeLiteForCausalLM"], "model_type": "glm4_moe_lite", "dtype": "bfloat16",
          "attention_bias": false, "attention_dropout": 0.0, "pad_token_id": 154820,
          "eos_token_id": [154820, 154827, 154829], "hidden_act": "silu", "hidden_size": 2048,
          "intermediate_size": 10240, "max_position_embeddings": 202752, "moe_intermediate_size": 1536,
          "topk_method": "noaux_tc", "norm_topk_prob": true, "num_attention_heads": 20, "n_group": 1,
          "topk_group": 1, "n_routed_experts": 64, "n_shared_experts": 1, "routed_scaling_factor": 1.8,
          "num_experts_per_tok": 4, "first_k_dense_replace": 1, "num_hidden_layers": 47,
          "num_key_value_heads": 20, "num_nextn_predict_layers": 1, "partial_rotary_factor": 1.0,
          "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 1000000, "tie_word_embeddings": false,
          "q_lora_rank": 768, "kv_lora_rank": 512, "qk_nope_head_dim": 192, "qk_rope_head_dim": 64,
          "v_head_dim": 256, "vocab_size": 154880 }
        """;

    /// <summary>zai-org/GLM-5.2, in BF16.</summary>
    public const string Glm52 = $"{{ {Glm52Fields} }}";

    /// <summary>zai-org/GLM-5.2-FP8, without the names of most modules that are not converted.</summary>
    public const string Glm52Fp8 = $$"""
        { {{Glm52Fields}},
          "quantization_config": { "activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
            "weight_block_size": [128, 128],
            "modules_to_not_convert": ["lm_head", "model.embed_tokens", "model.norm"] } }
        """;

    private const string SixFours = $"{Four}, {Four}, {Four}, {Four}, {Four}, {Four}";
    private const string Four = """
        "shared", "shared", "shared", "full"
        """;

    private const string FifteenSparse = $"{FiveSparse}, {FiveSparse}, {FiveSparse}";
    private const string FiveSparse = """
        "sparse", "sparse", "sparse", "sparse", "sparse"
        """;

    private const string Glm52Fields = $$"""
        "architectures": ["GlmMoeDsaForCausalLM"], "model_type": "glm_moe_dsa", "dtype": "bfloat16",
          "attention_bias": false, "attention_dropout": 0.0, "eos_token_id": [154820, 154827, 154829],
          "ep_size": 1, "first_k_dense_replace": 3, "hidden_act": "silu", "head_dim": 192, "hidden_size": 6144,
          "index_head_dim": 128, "index_n_heads": 32, "index_share_for_mtp_iteration": true,
          "index_skip_topk_offset": 3, "index_topk": 2048, "index_topk_freq": 4, "index_topk_pattern": null,
          "indexer_rope_interleave": true,
          "indexer_types": ["full", "full", "full", {{SixFours}}, {{SixFours}}, {{SixFours}}, "shared", "shared", "shared"],
          "mlp_layer_types": ["dense", "dense", "dense", {{FifteenSparse}}, {{FifteenSparse}}, {{FifteenSparse}},
            {{FifteenSparse}}, {{FifteenSparse}}],
          "initializer_range": 0.02, "intermediate_size": 12288,
          "kv_lora_rank": 512, "max_position_embeddings": 1048576, "moe_intermediate_size": 2048,
          "moe_layer_freq": 1, "moe_router_dtype": "float32", "n_group": 1, "n_routed_experts": 256,
          "n_shared_experts": 1, "norm_topk_prob": true, "num_attention_heads": 64, "num_experts_per_tok": 8,
          "num_hidden_layers": 78, "num_key_value_heads": 64, "num_nextn_predict_layers": 1,
          "pad_token_id": 154820, "pretraining_tp": 1, "q_lora_rank": 2048, "qk_head_dim": 256,
          "qk_nope_head_dim": 192, "qk_rope_head_dim": 64, "rms_norm_eps": 1e-05, "rope_interleave": true,
          "rope_parameters": {"rope_theta": 8000000, "rope_type": "default"}, "routed_scaling_factor": 2.5,
          "scoring_func": "sigmoid", "tie_word_embeddings": false, "topk_group": 1, "topk_method": "noaux_tc",
          "use_cache": true, "v_head_dim": 256, "vocab_size": 154880
        """;
}
