using System.Text;
using System.Text.Json.Nodes;
using Hadal.Checkpoints;

namespace Hadal.Tests.Model;

/// <summary>
/// The fields of the configuration classes deepseek_v3, deepseek_v32, glm_moe_dsa and kimi_k2: what is of no effect is
/// accepted, and what would change results is refused by name.
/// </summary>
public sealed class PublishedFieldTests
{
    [Theory]
    [InlineData("attention_dropout", "0.1")]
    [InlineData("aux_loss_alpha", "0.001")]
    [InlineData("seq_aux", "true")]
    [InlineData("initializer_range", "0.02")]
    [InlineData("pretraining_tp", "1")]
    [InlineData("ep_size", "8")]
    [InlineData("use_cache", "false")]
    [InlineData("pad_token_id", "null")]
    [InlineData("auto_map", "{\"AutoConfig\":\"configuration_deepseek.DeepseekV3Config\"}")]
    [InlineData("transformers_version", "\"5.0.0\"")]
    [InlineData("dtype", "\"bfloat16\"")]
    [InlineData("num_local_experts", "12")]
    [InlineData("qk_head_dim", "192")]
    [InlineData("head_dim", "64")]
    [InlineData("partial_rotary_factor", "1.0")]
    [InlineData("rope_interleave", "true")]
    [InlineData("indexer_rope_interleave", "false")]
    [InlineData("head_dim", "192")]
    [InlineData("indexer_types", "[\"full\",\"full\",\"full\"]")]
    [InlineData("index_topk_pattern", "\"FFF\"")]
    [InlineData("moe_router_dtype", "\"float32\"")]
    [InlineData("index_topk_freq", "1")]
    [InlineData("index_topk_pattern", "null")]
    [InlineData("index_skip_topk_offset", "2")]
    [InlineData("index_share_for_mtp_iteration", "true")]
    [InlineData("layer_types", "[\"deepseek_sparse_attention\"]")]
    [InlineData("mlp_layer_types", "[\"dense\",\"sparse\",\"sparse\"]")]
    [InlineData("mlp_bias", "false")]
    [InlineData("sliding_window", "null")]
    [InlineData("a_field_of_the_future", "{\"a\":[1,null]}")]
    public void What_changes_nothing_is_accepted(string name, string value) =>
        Assert.Equal(3, Parse(With(name, value)).NumHiddenLayers);

    [Theory]
    [InlineData("rope_interleave", "false", "must be true")]
    [InlineData("index_topk_freq", "0", "from 1")]
    [InlineData("index_topk_pattern", "\"FXS\"", "a text of F and S")]
    [InlineData("index_topk_pattern", "\"SFF\"", "an indexer of its own")]
    [InlineData("index_topk_pattern", "\"FF\"", "must tell of num_hidden_layers, 3")]
    [InlineData("moe_router_dtype", "\"bfloat16\"", "must be 'float32'")]
    [InlineData("index_kpool", "4", "is not supported")]
    [InlineData(
        "indexer_types",
        "[\"full\",\"half\",\"full\"]",
        "must be an array of 'full' or 'shared'"
    )]
    [InlineData("indexer_types", "[\"shared\",\"full\",\"full\"]", "an indexer of its own")]
    [InlineData("indexer_types", "\"full\"", "must be an array of 'full'")]
    [InlineData("layer_types", "[\"full_attention\"]", "'deepseek_sparse_attention'")]
    [InlineData("mlp_layer_types", "[\"dense\",\"sparse\"]", "must have 3")]
    [InlineData("mlp_layer_types", "[\"sparse\",\"dense\",\"sparse\"]", "first those")]
    [InlineData("mlp_layer_types", "[\"dense\",\"moe\",\"moe\"]", "'dense' or 'sparse'")]
    [InlineData("first_k_dense_replace", "2", "mlp_layer_types begins with 1")]
    [InlineData("mlp_bias", "true", "must be false")]
    [InlineData("qk_head_dim", "256", "must be 192")]
    [InlineData("partial_rotary_factor", "0.5", "must be 1")]
    [InlineData("sliding_window", "4096", "must be absent")]
    [InlineData("use_sliding_window", "true", "must be false")]
    [InlineData("use_qk_norm", "true", "must be false")]
    [InlineData("use_mla", "false", "must be true")]
    [InlineData("mla_use_nope", "true", "must be false")]
    [InlineData("swiglu_limit", "10.0", "must be absent")]
    [InlineData("pretraining_tp", "2", "must be 1")]
    [InlineData("compression_config", "{}", "must be absent")]
    [InlineData("num_experts", "16", "n_routed_experts is 12")]
    [InlineData("num_local_experts", "16", "n_routed_experts is 12")]
    [InlineData("dtype", "\"float16\"", "torch_dtype is \"bfloat16\"")]
    public void What_would_change_results_is_refused_by_name(
        string name,
        string value,
        string message
    )
    {
        JsonObject json = With(name, value);
        if (name == "first_k_dense_replace")
            json["mlp_layer_types"] = new JsonArray("dense", "sparse", "sparse");
        Assert.Contains($"config.json.{name}: ", Refusal(json), StringComparison.Ordinal);
        Assert.Contains(message, Refusal(json), StringComparison.Ordinal);
    }

    /// <summary>GLM-5.2's own rule: frequency 4, offset 3.</summary>
    [Fact]
    public void Layers_that_share_a_choice_are_told_in_three_ways()
    {
        const string types =
            "[\"full\",\"full\",\"full\",\"shared\",\"shared\",\"shared\",\"full\",\"shared\"]";
        JsonObject byTypes = With("indexer_types", types);
        byTypes["num_hidden_layers"] = 8;
        JsonObject byPattern = With("index_topk_pattern", "\"FFFSSSFS\"");
        byPattern["num_hidden_layers"] = 8;
        JsonObject byRule = With("index_topk_freq", "4");
        byRule["index_skip_topk_offset"] = 3;
        byRule["num_hidden_layers"] = 8;
        IndexerConfig read = Parse(byTypes).Indexer!;
        Assert.Equal("FFFSSSFS", string.Concat(read.Kinds.Select(kind => kind.ToString()[0])));
        Assert.Equal(read.Kinds, Parse(byPattern).Indexer!.Kinds);
        Assert.Equal(read.Kinds, Parse(byRule).Indexer!.Kinds);
        // The layer of multi-token prediction has an indexer.
        Assert.Equal(IndexerKind.Full, read.KindOf(8));

        byTypes["index_skip_topk_offset"] = 3;
        Assert.Contains(
            "indexer_types tells of other layers",
            Refusal(byTypes),
            StringComparison.Ordinal
        );
        byTypes.Remove("index_skip_topk_offset");
        byTypes["index_topk_freq"] = 2;
        Assert.Contains(
            "index_topk_freq: is 2, but indexer_types tells of other layers",
            Refusal(byTypes),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("deepseek_v32", null, false)]
    [InlineData("deepseek_v32", true, true)]
    [InlineData("glm_moe_dsa", null, true)]
    [InlineData("glm_moe_dsa", false, false)]
    public void The_indexers_pairs_are_those_of_the_family_or_as_told(
        string type,
        bool? told,
        bool isInterleaved
    )
    {
        JsonObject json = With("model_type", $"\"{type}\"");
        if (told is not null)
            json["indexer_rope_interleave"] = told;
        Assert.Equal(isInterleaved, Parse(json).Indexer!.IsRopeInterleaved);
    }

    [Fact]
    public void Heads_may_have_other_widths()
    {
        JsonObject json = With("qk_nope_head_dim", "192");
        json["v_head_dim"] = 256;
        json["qk_head_dim"] = 256;
        Assert.Equal(new AttentionShape { NopeDim = 192, ValueDim = 256 }, Parse(json).Attention);
        Assert.Equal(1f / 16, (Parse(json) with { RopeScaling = null }).SoftmaxScale);
        json["num_attention_heads"] = 3;
        json["num_key_value_heads"] = 3;
        json["v_head_dim"] = 64;
        Assert.Contains(
            "v_head_dim: is 64, times num_attention_heads, 3, must be a multiple of 128",
            Refusal(json),
            StringComparison.Ordinal
        );
    }

    /// <summary>An indexer's queries come from the latent of queries.</summary>
    [Fact]
    public void Only_a_model_without_an_indexer_may_lack_the_latent_of_queries()
    {
        JsonObject json = Load("random-v3");
        json["q_lora_rank"] = null;
        Assert.Null(Parse(json).QLoraRank);
        Assert.Contains(
            "q_lora_rank",
            Refusal(With("q_lora_rank", "null")),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Layer_types_alone_tell_the_dense_layers()
    {
        JsonObject json = With("mlp_layer_types", "[\"dense\",\"dense\",\"sparse\"]");
        json.Remove("first_k_dense_replace");
        Assert.Equal(2, Parse(json).FirstKDenseReplace);
    }

    [Theory]
    [InlineData("index_topk", "64")]
    [InlineData("indexer_rope_interleave", "false")]
    [InlineData("index_kpool", "4")]
    public void A_model_without_an_indexer_has_no_field_of_one(string name, string value)
    {
        JsonObject json = Load("random-v3");
        json[name] = JsonNode.Parse(value);
        Assert.Contains(name, Refusal(json), StringComparison.Ordinal);
        Assert.Contains("has no indexer", Refusal(json), StringComparison.Ordinal);
    }

    /// <summary>Whatever else is wrong with it here.</summary>
    [Theory]
    [InlineData("glm4_moe")]
    [InlineData("deepseek_v4")]
    [InlineData("llama")]
    public void Another_model_is_named_first(string type)
    {
        JsonObject json = JsonNode
            .Parse($$"""{"kv_lora_rank":1,"rope_theta":-1,"model_type":"{{type}}"}""")!
            .AsObject();
        Assert.Contains(
            $"model_type: is \"{type}\", must be 'deepseek_v32' or 'deepseek_v3'"
                + " or 'glm_moe_dsa' or 'glm4_moe_lite' or 'kimi_k2'",
            Refusal(json),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("modules_to_not_convert", "[\"lm_head\",\"model.layers.0.mlp\"]")]
    [InlineData("modules_to_not_convert", "null")]
    [InlineData("ignored_layers", "[]")]
    [InlineData("dequantize", "false")]
    [InlineData("fmt", "null")]
    [InlineData("kv_cache_scheme", "null")]
    public void A_saved_quantization_config_is_read(string name, string value)
    {
        JsonObject json = Load("random-a");
        json["quantization_config"]![name] = JsonNode.Parse(value);
        Assert.Equal(ScaleFormat.Ue8m0, Parse(json).ScaleFormat);
    }

    [Fact]
    public void Float_scales_are_plain()
    {
        JsonObject json = Load("random-a");
        json["quantization_config"] = JsonNode.Parse(
            """{"quant_method":"fp8","weight_block_size":[128,128],"scale_fmt":"float"}"""
        );
        Assert.Equal(ScaleFormat.Plain, Parse(json).ScaleFormat);
    }

    [Theory]
    [InlineData("dequantize", "true", "must be false")]
    [InlineData("kv_cache_scheme", "{\"type\":\"float\"}", "is not known")]
    [InlineData("weight_format", "\"mxfp4\"", "is not known")]
    [InlineData("weight_block_size", "[128,64]", "must be [128, 128]")]
    public void What_is_not_known_of_quantization_is_refused(
        string name,
        string value,
        string message
    )
    {
        JsonObject json = Load("random-a");
        json["quantization_config"]![name] = JsonNode.Parse(value);
        Assert.Contains($"quantization_config.{name}: ", Refusal(json), StringComparison.Ordinal);
        Assert.Contains(message, Refusal(json), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("-Infinity")]
    public void Numbers_that_json_has_not_are_refused_by_name(string number)
    {
        string json = Load("random-a")
            .ToJsonString()
            .Replace(
                "\"rms_norm_eps\":1E-06",
                $"\"rms_norm_eps\":{number}",
                StringComparison.OrdinalIgnoreCase
            );
        Assert.Contains(number, json, StringComparison.Ordinal);
        var error = Assert.Throws<CheckpointException>(() =>
            DeepSeekConfig.Parse(Encoding.UTF8.GetBytes(json))
        );
        Assert.Contains("broken at 'rms_norm_eps'", error.Message, StringComparison.Ordinal);
    }

    private static JsonObject With(string name, string value)
    {
        JsonObject json = Load("random-a");
        json[name] = JsonNode.Parse(value);
        return json;
    }

    private static string Refusal(JsonObject json) =>
        Assert.Throws<CheckpointException>(() => Parse(json)).Message;

    private static DeepSeekConfig Parse(JsonObject json) =>
        DeepSeekConfig.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()));

    private static JsonObject Load(string model) =>
        JsonNode
            .Parse(
                File.ReadAllBytes(Path.Combine(Paths.Goldens, model, "checkpoint", "config.json"))
            )!
            .AsObject();
}
