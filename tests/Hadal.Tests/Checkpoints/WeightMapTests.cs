using System.Text;
using System.Text.Json.Nodes;
using Hadal.Checkpoints;
using Hadal.Tensors;
using Hadal.Tests.Model;

namespace Hadal.Tests.Checkpoints;

public sealed class WeightMapTests
{
    private const string QA = "model.layers.0.self_attn.q_a_proj.weight";
    private static readonly string Config = File.ReadAllText(
        Path.Combine(TestCheckpoints.RandomA, "config.json")
    );

    /// <summary>
    /// The figures of DeepSeek-V3's README_WEIGHTS: 671B, and for multi-token prediction about 11.5B more besides an
    /// embedding and a head of 0.9B each.
    /// </summary>
    [Fact]
    public void The_published_model_has_its_parameters()
    {
        WeightSpec[] weights = [.. Map(PublishedConfigs.V3).Weights];
        Assert.Equal(weights.Length, Map(PublishedConfigs.V3).Count);
        double[] size =
        [
            .. weights
                .GroupBy(w => w.Name.StartsWith("model.layers.61.", StringComparison.Ordinal))
                .OrderBy(group => group.Key)
                .Select(group => group.Sum(w => w.Shape.Aggregate(1.0, (a, b) => a * b)) / 1e9),
        ];
        Assert.Equal(671, size[0], 0.05);
        Assert.Equal(11.5 + 2 * 0.927, size[1], 0.15);
    }

    [Fact]
    public void The_published_V32_has_its_indexer_in_every_layer()
    {
        WeightSpec[] weights = [.. Map(PublishedConfigs.V32).Weights];
        WeightSpec[] indexer =
        [
            .. weights.Where(w => w.Name.Contains(".indexer.", StringComparison.Ordinal)),
        ];
        Assert.Equal(62 * 5, indexer.Length);
        WeightSpec query = weights.Single(w =>
            w.Name == "model.layers.61.self_attn.indexer.wq_b.weight"
        );
        Assert.Equal([8192, 1536], query.Shape);
        Assert.Equal([64, 12], query.ScaleShape);
        WeightSpec latent = weights.Single(w =>
            w.Name == "model.layers.0.self_attn.kv_a_proj_with_mqa.weight"
        );
        Assert.Equal([576, 7168], latent.Shape);
        Assert.Equal([5, 56], latent.ScaleShape);
        Assert.Equal(
            "model.layers.0.self_attn.kv_a_proj_with_mqa.weight_scale_inv",
            latent.ScaleName
        );
    }

    [Fact]
    public void All_problems_are_in_one_error()
    {
        using TemporaryFolder folder = TestCheckpoints.WriteZeros(
            Config,
            tensors =>
                tensors
                    .Where(t => t.Name is not ("model.norm.weight" or QA + "_scale_inv"))
                    .Select(t =>
                        t.Name switch
                        {
                            "lm_head.weight" => t with { Shape = [511, 256] },
                            "model.embed_tokens.weight" => t with { DType = DType.F16 },
                            "model.layers.0.self_attn.o_proj.weight" => t with
                            {
                                DType = DType.F16,
                            },
                            "model.layers.3.enorm.weight" => t with { DType = DType.F8E4M3 },
                            "model.layers.3.eh_proj.weight" => t with { DType = DType.I8 },
                            "model.layers.1.mlp.gate.weight" => t with { Name = "gate" },
                            _ => t,
                        }
                    )
        );
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path));
        string[] expected =
        [
            "'gate' is extra",
            "'lm_head.weight' has the shape [511, 256], must have [512, 256]",
            "'model.embed_tokens.weight' is F16, must be BF16 or F32",
            "'model.layers.0.self_attn.o_proj.weight' is F16, must be F8_E4M3 or BF16 or F32",
            $"'{QA}_scale_inv' is missing, must be F32 [1, 2]",
            "'model.layers.1.mlp.gate.weight' is missing, must be BF16 or F32 [12, 256]",
            "'model.layers.3.eh_proj.weight' is I8, must be F8_E4M3 or BF16 or F32",
            "'model.layers.3.enorm.weight' is F8_E4M3, must be BF16 or F32",
            "'model.norm.weight' is missing, must be BF16 or F32 [256]",
        ];
        Assert.Equal(
            expected.Order(StringComparer.Ordinal),
            error.Problems.Order(StringComparer.Ordinal)
        );
        Assert.All(
            error.Problems,
            problem => Assert.Contains(problem, error.Message, StringComparison.Ordinal)
        );
    }

    [Fact]
    public void A_long_list_is_cut_and_counted()
    {
        using TemporaryFolder folder = TestCheckpoints.WriteZeros(
            Config,
            tensors => tensors.Take(1)
        );
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path));
        Assert.Equal(50, error.Problems.Count);
        Assert.Equal(52, error.Message.Split('\n').Length);
        Assert.EndsWith(
            $"and {Map(With("num_nextn_predict_layers", 0)).Count - 1 - 50} more",
            error.Message,
            StringComparison.Ordinal
        );
    }

    /// <summary>As GLM-5.2's layer of multi-token prediction.</summary>
    [Fact]
    public void The_predictor_may_lack_an_embedding_and_a_head()
    {
        string[] optional =
        [
            "model.layers.3.embed_tokens.weight",
            "model.layers.3.shared_head.head.weight",
        ];
        Assert.Equal(
            optional,
            Map(Config).Weights.Where(weight => weight.IsOptional).Select(weight => weight.Name)
        );
        using TemporaryFolder folder = TestCheckpoints.WriteZeros(
            Config,
            tensors => tensors.Where(t => !optional.Contains(t.Name))
        );
        using var checkpoint = Checkpoint.Open(folder.Path);
        Assert.Empty(checkpoint.Notes);
        Assert.Equal(1, checkpoint.Config.NumNextnPredictLayers);
        using var device = Device.Cpu(1);
        var summary = new Hadal.Model.CheckpointSummary(checkpoint, device);
        Assert.Equal(
            Map(Config)
                .Weights.Where(w => !w.IsOptional)
                .Sum(w => w.Shape.Aggregate(1L, (a, b) => a * b)),
            summary.Parameters
        );
    }

    /// <summary>The published files have it so.</summary>
    [Fact]
    public void The_projection_of_the_predictor_may_be_bf16()
    {
        const string projection = "model.layers.3.eh_proj.weight";
        using TemporaryFolder folder = TestCheckpoints.WriteZeros(
            Config,
            tensors =>
                tensors
                    .Where(t => t.Name != $"{projection}_scale_inv")
                    .Select(t => t.Name == projection ? t with { DType = DType.BF16 } : t)
        );
        using var checkpoint = Checkpoint.Open(folder.Path);
        Assert.Equal(DType.BF16, checkpoint[projection].DType);
        Assert.Empty(checkpoint.Notes);
    }

    [Fact]
    public void Scales_must_be_one_a_block()
    {
        using TemporaryFolder folder = TestCheckpoints.WriteZeros(
            Config,
            tensors =>
                tensors.Select(t => t.Name == $"{QA}_scale_inv" ? t with { Shape = [2, 1] } : t)
        );
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path));
        Assert.Equal([$"'{QA}_scale_inv' has the shape [2, 1], must have [1, 2]"], error.Problems);
    }

    [Fact]
    public void Fp8_without_a_quantization_config_is_refused()
    {
        JsonObject json = JsonNode.Parse(Config)!.AsObject();
        json.Remove("quantization_config");
        using TemporaryFolder folder = TestCheckpoints.WriteZeros(json.ToJsonString(), t => t);
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path));
        Assert.Contains("no quantization_config", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tied_head_is_not_stored()
    {
        JsonObject json = JsonNode.Parse(Config)!.AsObject();
        json["tie_word_embeddings"] = true;
        using TemporaryFolder folder = TestCheckpoints.WriteZeros(json.ToJsonString(), t => t);
        using var checkpoint = Checkpoint.Open(folder.Path);
        Assert.False(checkpoint.Tensors.ContainsKey("lm_head.weight"));
    }

    /// <summary>3 million weights are missing: their names alone would be a gigabyte.</summary>
    [Fact]
    public void A_vast_model_is_missed_in_little_memory()
    {
        using TemporaryFolder folder = TestCheckpoints.WriteZeros(
            Config,
            tensors => tensors.Take(1)
        );
        JsonObject json = JsonNode.Parse(Config)!.AsObject();
        json["num_hidden_layers"] = 1000;
        json["n_routed_experts"] = 1024;
        json["n_group"] = 1;
        json["topk_group"] = 1;
        File.WriteAllText(folder.File("config.json"), json.ToJsonString());
        long before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path));
        string message = error.Message;
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
        Assert.Equal(50, error.Problems.Count);
        // 999 sparse layers with 1024 experts of three matrices each, and more.
        Assert.Matches(@"and 3\d{6} more$", message);
    }

    private static string With(string field, int value)
    {
        JsonObject json = JsonNode.Parse(Config)!.AsObject();
        json[field] = value;
        return json.ToJsonString();
    }

    private static WeightMap Map(string config) =>
        new(DeepSeekConfig.Parse(Encoding.UTF8.GetBytes(config)));
}
