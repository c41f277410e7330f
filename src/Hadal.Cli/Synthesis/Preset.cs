using System.Text.Json.Nodes;

namespace Hadal.Cli.Synthesis;

/// <summary>
/// Configurations that a checkpoint can be made for by name: the config.json of a published model with other sizes.
/// </summary>
internal sealed class Preset
{
    public const string V3At800M = "v3-800m";
    public const string TrueShape = "true-shape";

    /// <summary>Sizes that a test writes and runs in less than a second.</summary>
    private const string Tiny = """
        "vocab_size": 512, "hidden_size": 256, "intermediate_size": 512, "moe_intermediate_size": 128,
        "first_k_dense_replace": 1, "num_nextn_predict_layers": 0, "max_position_embeddings": 1024,
        "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": null
        """;

    /// <summary>
    /// Two layers, one of them dense, and few words, beside the widths as published.
    /// </summary>
    private const string TwoLayers = """
        "num_hidden_layers": 2, "num_nextn_predict_layers": 0, "vocab_size": 4096,
        "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": null
        """;

    private const string TinyGlm5 = $$"""
        { {{Tiny}}, "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 2, "q_lora_rank": 128,
          "n_routed_experts": 16, "num_experts_per_tok": 2, "index_n_heads": 2, "index_topk": 64,
          "index_topk_freq": 2, "index_skip_topk_offset": 2,
          "indexer_types": ["full", "full", "shared"],
          "mlp_layer_types": ["dense", "sparse", "sparse"] }
        """;

    private static readonly Preset[] s_all =
    [
        new(
            V3At800M,
            "0.8 B parameters in the architecture of V3.2",
            PublishedConfig.DeepSeekV32,
            """
            { "vocab_size": 4096, "hidden_size": 1024, "intermediate_size": 3072, "moe_intermediate_size": 512,
              "num_hidden_layers": 8, "first_k_dense_replace": 1, "num_nextn_predict_layers": 0,
              "num_attention_heads": 16, "num_key_value_heads": 16, "q_lora_rank": 768, "n_routed_experts": 64,
              "index_n_heads": 16 }
            """
        ),
        new(
            TrueShape,
            "the shapes of V3.2 with 2 layers, 32 experts and a vocabulary of 4096",
            PublishedConfig.DeepSeekV32,
            """
            { "vocab_size": 4096, "num_hidden_layers": 2, "first_k_dense_replace": 1, "num_nextn_predict_layers": 0,
              "n_routed_experts": 32 }
            """
        ),
        new(
            "moonlight",
            "Moonlight-16B-A3B with 2 layers and a vocabulary of 4096",
            PublishedConfig.Moonlight,
            $"{{ {TwoLayers} }}"
        ),
        new(
            "glm-4.7-flash",
            "GLM-4.7-Flash with 2 layers and a vocabulary of 4096",
            PublishedConfig.Glm47Flash,
            $"{{ {TwoLayers} }}"
        ),
        new(
            "moonlight-tiny",
            "Moonlight in BF16, for tests",
            PublishedConfig.Moonlight,
            $$"""
            { {{Tiny}}, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 4,
              "n_routed_experts": 16 }
            """
        ),
        new(
            "glm-flash-tiny",
            "GLM-4.7-Flash in BF16, for tests",
            PublishedConfig.Glm47Flash,
            $$"""
            { {{Tiny}}, "num_hidden_layers": 3, "num_attention_heads": 5, "num_key_value_heads": 5,
              "q_lora_rank": 128, "n_routed_experts": 16 }
            """
        ),
        new(
            "kimi-k2-tiny",
            "Kimi K2 with its 384 experts in one group, for tests",
            PublishedConfig.KimiK2,
            $$"""
            { {{Tiny}}, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2,
              "q_lora_rank": 128 }
            """
        ),
        new("glm5-tiny", "GLM-5.2 in BF16, for tests", PublishedConfig.Glm52, TinyGlm5),
        new("glm5-tiny-fp8", "GLM-5.2 in FP8, for tests", PublishedConfig.Glm52Fp8, TinyGlm5),
    ];

    private readonly string _about;
    private readonly string _published;
    private readonly string _changes;

    private Preset(string name, string about, string published, string changes)
    {
        Name = name;
        _about = about;
        _published = published;
        _changes = changes;
    }

    /// <summary>The names of all.</summary>
    public static IEnumerable<string> Names => s_all.Select(static preset => preset.Name);

    /// <summary>All with what they are.</summary>
    public static string Description =>
        string.Join("; ", s_all.Select(static preset => $"{preset.Name}, {preset._about}"));

    private string Name { get; }

    /// <returns>The preset's <c>config.json</c>.</returns>
    public static JsonObject Config(string name)
    {
        Preset preset = s_all.Single(preset => preset.Name == name);
        JsonObject config = JsonNode.Parse(preset._published)!.AsObject();
        foreach ((string field, JsonNode? value) in JsonNode.Parse(preset._changes)!.AsObject())
            config[field] = value?.DeepClone();
        return config;
    }
}
