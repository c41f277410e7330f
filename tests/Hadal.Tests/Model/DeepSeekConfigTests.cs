using System.Text;
using System.Text.Json.Nodes;
using Hadal.Checkpoints;

namespace Hadal.Tests.Model;

public sealed class DeepSeekConfigTests
{
    [Fact]
    public void A_V32_config_is_read()
    {
        DeepSeekConfig config = Parse(V32());
        Assert.Equal(512, config.VocabSize);
        Assert.Equal(256, config.HiddenSize);
        Assert.Equal(512, config.IntermediateSize);
        Assert.Equal(128, config.MoeIntermediateSize);
        Assert.Equal(128, config.SharedIntermediateSize);
        Assert.Equal(3, config.NumHiddenLayers);
        Assert.Equal(1, config.NumNextnPredictLayers);
        Assert.Equal(4, config.TotalLayers);
        Assert.True(config.IsDense(0));
        Assert.False(config.IsDense(1));
        Assert.False(config.IsDense(3));
        Assert.Equal(2, config.NumAttentionHeads);
        Assert.Equal(128, config.QLoraRank);
        Assert.Equal(new AttentionShape { NopeDim = 128, ValueDim = 128 }, config.Attention);
        Assert.Equal(
            (192, 256, 576),
            (
                config.Attention.QueryHeadDim,
                config.Attention.KeyValueHeadDim,
                config.Attention.CachedDim
            )
        );
        Assert.Equal(
            (12, 1, 3),
            (config.NRoutedExperts, config.NSharedExperts, config.NumExpertsPerTok)
        );
        Assert.Equal((3, 2), (config.NGroup, config.TopkGroup));
        Assert.Equal(2.5f, config.RoutedScalingFactor);
        Assert.True(config.NormTopkProb);
        Assert.Equal(1e-6f, config.RmsNormEps);
        Assert.Equal(1024, config.MaxPositionEmbeddings);
        Assert.Equal(10000, config.RopeTheta);
        Assert.False(config.TieWordEmbeddings);
        Assert.Equal(
            (8, 64, 128),
            (config.Indexer!.NumHeads, config.Indexer.TopK, config.Indexer.HeadDim)
        );
        Assert.False(config.Indexer.IsRopeInterleaved);
        Assert.Equal(Enumerable.Repeat(IndexerKind.Full, 3), config.Indexer.Kinds);
        Assert.Equal(ScaleFormat.Ue8m0, config.ScaleFormat);
        Assert.Equal(0, config.BosTokenId);
        Assert.Equal([1], config.EosTokenIds);
        Assert.Equal(
            new RopeScaling
            {
                Factor = 4,
                OriginalMaxPositionEmbeddings = 256,
                BetaFast = 32,
                BetaSlow = 1,
                MscaleAllDim = 1,
            },
            config.RopeScaling
        );
    }

    [Fact]
    public void Absent_fields_have_their_defaults()
    {
        JsonObject json = V3();
        foreach (
            string name in (string[])
                [
                    "num_nextn_predict_layers",
                    "num_key_value_heads",
                    "moe_layer_freq",
                    "attention_bias",
                    "scoring_func",
                    "topk_method",
                    "tie_word_embeddings",
                    "quantization_config",
                    "rope_scaling",
                    "bos_token_id",
                    "eos_token_id",
                ]
        )
            json.Remove(name);
        DeepSeekConfig config = Parse(json);
        Assert.Equal(0, config.NumNextnPredictLayers);
        Assert.False(config.TieWordEmbeddings);
        Assert.Null(config.Indexer);
        Assert.Null(config.Quantization);
        Assert.Null(config.RopeScaling);
        Assert.Null(config.BosTokenId);
        Assert.Empty(config.EosTokenIds);
        Assert.Equal(ScaleFormat.Plain, config.ScaleFormat);
        json["eos_token_id"] = new JsonArray(1, 2);
        Assert.Equal([1, 2], Parse(json).EosTokenIds);
    }

    [Theory]
    [InlineData(
        "model_type",
        "\"deepseek_v2\"",
        "'deepseek_v32' or 'deepseek_v3' or 'glm_moe_dsa'"
    )]
    [InlineData("hidden_act", "\"gelu\"", "is \"gelu\", must be 'silu'")]
    [InlineData("scoring_func", "\"softmax\"", "is \"softmax\", must be 'sigmoid'")]
    [InlineData("topk_method", "\"greedy\"", "must be 'noaux_tc'")]
    [InlineData("attention_bias", "true", "must be false")]
    [InlineData("attention_bias", "0", "must be false")]
    [InlineData("moe_layer_freq", "2", "must be 1")]
    [InlineData("kv_lora_rank", "256", "is 256, must be 512")]
    [InlineData("qk_rope_head_dim", "32", "must be 64")]
    [InlineData("qk_nope_head_dim", "100", "multiple of 64")]
    [InlineData("qk_nope_head_dim", "0", "from 64")]
    [InlineData("v_head_dim", "96", "multiple of 64")]
    [InlineData("v_head_dim", "2048", "from 64 to 1024")]
    [InlineData("index_head_dim", "64", "must be 128")]
    [InlineData("index_topk", "100", "multiple of 64")]
    [InlineData("index_topk", "0", "from 64")]
    [InlineData("index_n_heads", "0", "from 1")]
    [InlineData("index_n_heads", "null", "is null, must be an integer")]
    [InlineData("num_key_value_heads", "1", "must be 2")]
    [InlineData("q_lora_rank", "null", "is null, must be an integer")]
    [InlineData("q_lora_rank", "100", "from 128")]
    [InlineData("hidden_size", "200", "multiple of 128")]
    [InlineData("hidden_size", "256.5", "must be an integer")]
    [InlineData("hidden_size", "\"256\"", "must be an integer")]
    [InlineData("hidden_size", "1e300", "must be an integer")]
    [InlineData("hidden_size", "99999999999999999999", "must be an integer")]
    [InlineData("intermediate_size", "2147483647", "from 128 to 262144")]
    [InlineData("moe_intermediate_size", "-128", "from 128")]
    [InlineData("vocab_size", "0", "from 2")]
    [InlineData("num_hidden_layers", "0", "from 1")]
    [InlineData("num_hidden_layers", "1001", "to 1000")]
    [InlineData("first_k_dense_replace", "4", "from 0 to 3")]
    [InlineData("num_nextn_predict_layers", "-1", "from 0")]
    [InlineData("n_routed_experts", "1025", "to 1024")]
    [InlineData("n_shared_experts", "0", "from 1")]
    [InlineData("n_group", "5", "must divide n_routed_experts, 12")]
    [InlineData("topk_group", "4", "from 1 to 3")]
    [InlineData("num_experts_per_tok", "9", "from 1 to 8")]
    [InlineData("routed_scaling_factor", "0", "must be a number from")]
    [InlineData("norm_topk_prob", "1", "must be true or false")]
    [InlineData("rms_norm_eps", "0", "must be a number from")]
    [InlineData("max_position_embeddings", "0", "from 1")]
    [InlineData("rope_theta", "1", "from 2")]
    [InlineData("rope_theta", "1e400", "must be a number from")]
    [InlineData("index_topk", "1088", "at most max_position_embeddings, 1024")]
    [InlineData("rope_scaling", "1", "must be an object")]
    [InlineData("rope_scaling.type", "\"linear\"", "is \"linear\", must be 'yarn' or 'default'")]
    [InlineData(
        "rope_scaling.rope_type",
        "\"dynamic\"",
        "is \"dynamic\", must be 'yarn' or 'default'"
    )]
    [InlineData("rope_scaling.type", "null", "rope_type: is absent")]
    [InlineData("rope_scaling.mscale", "0.5", "must equal mscale_all_dim, 1")]
    [InlineData("rope_scaling.mscale_all_dim", "null", "is 1.0, must equal mscale_all_dim, 0")]
    [InlineData("rope_scaling.factor", "0.5", "from 1")]
    [InlineData("rope_scaling.original_max_position_embeddings", "0", "from 1")]
    [InlineData("rope_scaling.beta_slow", "33", "at most beta_fast, 32")]
    [InlineData("rope_scaling.beta_fast", "0", "must be a number from")]
    [InlineData("quantization_config", "[]", "must be an object")]
    [InlineData("quantization_config.quant_method", "\"awq\"", "is \"awq\", must be 'fp8'")]
    [InlineData("quantization_config.fmt", "\"e5m2\"", "must be 'e4m3'")]
    [InlineData("quantization_config.activation_scheme", "\"static\"", "must be 'dynamic'")]
    [InlineData("quantization_config.weight_block_size", "[64,128]", "must be [128, 128]")]
    [InlineData("quantization_config.weight_block_size", "null", "must hold integers")]
    [InlineData("quantization_config.scale_fmt", "\"fp32\"", "must be 'ue8m0' or 'float'")]
    [InlineData("bos_token_id", "512", "from 0 to 511")]
    [InlineData("eos_token_id", "[1,-1]", "must hold integers from 0 to 511")]
    [InlineData("tie_word_embeddings", "\"no\"", "must be true or false")]
    public void An_unsupported_field_is_refused_by_name(string path, string value, string message)
    {
        JsonObject json = V32();
        JsonObject parent = json;
        string[] names = path.Split('.');
        foreach (string name in names[..^1])
            parent = parent[name]!.AsObject();
        parent[names[^1]] = JsonNode.Parse(value);
        var error = Assert.Throws<CheckpointException>(() => Parse(json));
        Assert.Contains(names[^1], error.Message, StringComparison.Ordinal);
        Assert.Contains("config.json", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_indexer_and_its_model_type_go_together()
    {
        JsonObject json = V32();
        json["model_type"] = "deepseek_v3";
        Assert.Contains("has no indexer", Refusal(json), StringComparison.Ordinal);
        json = V32();
        json.Remove("index_topk");
        Assert.Contains("'index_topk' is missing", Refusal(json), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"a\":1,\"a\":1}")]
    [InlineData("{\"hidden_act\":\"\\ud800\"}")]
    [InlineData("{\"a\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}")]
    public void What_is_not_a_json_object_is_refused(string json) =>
        Assert.Throws<CheckpointException>(() =>
            DeepSeekConfig.Parse(Encoding.UTF8.GetBytes(json))
        );

    [Fact]
    public void Every_required_field_is_missed()
    {
        string[] optional =
        [
            "architectures",
            "attention_bias",
            "attention_dropout",
            "bos_token_id",
            "eos_token_id",
            "ep_size",
            "initializer_range",
            "moe_layer_freq",
            "num_key_value_heads",
            "num_nextn_predict_layers",
            "quantization_config",
            "rope_scaling",
            "scoring_func",
            "tie_word_embeddings",
            "topk_method",
            "torch_dtype",
            "transformers_version",
            "use_cache",
        ];
        foreach (string name in V32().Select(field => field.Key).Except(optional))
        {
            JsonObject json = V32();
            json.Remove(name);
            Assert.Contains($"'{name}' is missing", Refusal(json), StringComparison.Ordinal);
        }
    }

    /// <summary>numerics.md, line 5: 192^-0.5 · m², m = 0.1 · mscale_all_dim · ln(factor) + 1.</summary>
    [Theory]
    [InlineData(40, 1, 1.3688879454113936)]
    [InlineData(4, 1, 1.1386294361119891)]
    [InlineData(40, 0, 1)]
    [InlineData(1, 1, 1)]
    public void The_softmax_scale_has_the_square_of_m(double factor, double mscale, double m)
    {
        JsonObject json = V32();
        JsonObject scaling = json["rope_scaling"]!.AsObject();
        scaling["factor"] = factor;
        scaling["mscale"] = mscale;
        scaling["mscale_all_dim"] = mscale;
        Assert.Equal(Math.Pow(192, -0.5) * m * m, Parse(json).SoftmaxScale, 1e-7);
    }

    [Fact]
    public void Without_scaling_the_softmax_scale_has_no_m()
    {
        JsonObject json = V32();
        json["rope_scaling"] = null;
        Assert.Equal(Math.Pow(192, -0.5), Parse(json).SoftmaxScale, 1e-8);
        Assert.Equal(
            Enumerable.Range(0, 32).Select(i => (float)(1 / Math.Pow(10000, i / 32.0))),
            Parse(json).InverseFrequencies(),
            (a, b) => Math.Abs(a - b) <= 2e-7f * a
        );
    }

    /// <summary>
    /// numerics.md, line 5: DeepSeek's own table of the real config. An ulp of a frequency is 4e-3 at the last position.
    /// </summary>
    [Fact]
    public void Frequencies_are_those_of_the_reference()
    {
        JsonObject json = V32();
        json["rope_scaling"]!["factor"] = 40;
        json["rope_scaling"]!["original_max_position_embeddings"] = 4096;
        float[] frequencies = Parse(json).InverseFrequencies();
        using var goldens = SafetensorsFile.Open(Path.Combine(Paths.Goldens, "ops.safetensors"));
        ReadOnlySpan<int> positions = goldens["rope.position"].AsSpan<int>();
        ReadOnlySpan<float> cos = goldens["rope.cos"].AsSpan<float>();
        ReadOnlySpan<float> sin = goldens["rope.sin"].AsSpan<float>();
        Assert.Contains(163839, positions.ToArray());
        for (int t = 0; t < positions.Length; t++)
        {
            for (int i = 0; i < 32; i++)
            {
                double angle = positions[t] * frequencies[i];
                Assert.Equal(cos[t * 32 + i], Math.Cos(angle), 1e-6);
                Assert.Equal(sin[t * 32 + i], Math.Sin(angle), 1e-6);
            }
        }
    }

    private static string Refusal(JsonObject json) =>
        Assert.Throws<CheckpointException>(() => Parse(json)).Message;

    private static DeepSeekConfig Parse(JsonObject json) =>
        DeepSeekConfig.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()));

    private static JsonObject V32() => Load("random-a");

    private static JsonObject V3() => Load("random-v3");

    private static JsonObject Load(string model) =>
        JsonNode
            .Parse(
                File.ReadAllBytes(Path.Combine(Paths.Goldens, model, "checkpoint", "config.json"))
            )!
            .AsObject();
}
