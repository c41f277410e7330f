using System.Text.Json.Nodes;
using Hadal.Checkpoints;
using Hadal.Model;
using Hadal.Tensors;

namespace Hadal.Tests.Checkpoints;

/// <summary>Tensors that the model has no use for, and layers of multi-token prediction that are not as told.</summary>
public sealed class ExtraTensorTests
{
    private static readonly string Config = File.ReadAllText(
        Path.Combine(TestCheckpoints.RandomA, "config.json")
    );

    [Theory]
    [InlineData("model.layers.0.self_attn.rotary_emb.inv_freq")]
    [InlineData("model.layers.1.self_attn.q_a_proj.input_scale")]
    [InlineData("model.layers.0.self_attn.k_scale")]
    [InlineData("model.norm.weight_scale_inv")]
    [InlineData("model.layers.1.mlp.gate.weight_scale")]
    public void Known_leftovers_are_passed_over_with_a_note(string name)
    {
        using TemporaryFolder folder = TestCheckpoints.WriteZeros(
            Config,
            tensors => tensors.Append(new TensorDeclaration(name, DType.F32, 1))
        );
        using var checkpoint = Checkpoint.Open(folder.Path);
        Assert.False(checkpoint.Tensors.ContainsKey(name));
        Assert.Contains(
            $"such as '{name}'",
            Assert.Single(checkpoint.Notes),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("model.layers.0.self_attn.q_a_proj.weight_scale")]
    [InlineData("model.layers.0.self_attn.q_a_proj.bias")]
    [InlineData("model.layers.00.input_layernorm.weight")]
    [InlineData("model.layers.4.input_layernorm.weight")]
    [InlineData("model.layers.-1.input_layernorm.weight")]
    [InlineData("nothing.weight_scale_inv")]
    public void What_no_one_knows_is_extra(string name)
    {
        using TemporaryFolder folder = TestCheckpoints.WriteZeros(
            Config,
            tensors => tensors.Append(new TensorDeclaration(name, DType.F32, 1))
        );
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path));
        Assert.Equal([$"'{name}' is extra"], error.Problems);
    }

    [Fact]
    public void A_predictor_that_the_config_does_not_tell_of_is_passed_over()
    {
        using TemporaryFolder folder = TestCheckpoints.WriteZeros(Config, tensors => tensors);
        File.WriteAllText(folder.File("config.json"), With("num_nextn_predict_layers", 0));
        using var checkpoint = Checkpoint.Open(folder.Path);
        Assert.Equal(3, checkpoint.Config.TotalLayers);
        Assert.DoesNotContain(
            checkpoint.Tensors.Keys,
            name => name.StartsWith("model.layers.3.", StringComparison.Ordinal)
        );
        Assert.Contains(
            "'model.layers.3.*'",
            Assert.Single(checkpoint.Notes),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_predictor_that_is_not_there_is_not_missed()
    {
        using TemporaryFolder folder = TestCheckpoints.WriteZeros(
            With("num_nextn_predict_layers", 0),
            tensors => tensors
        );
        File.WriteAllText(folder.File("config.json"), Config);
        using var checkpoint = Checkpoint.Open(folder.Path);
        Assert.Equal(0, checkpoint.Config.NumNextnPredictLayers);
        Assert.Contains(
            "num_nextn_predict_layers is 1",
            Assert.Single(checkpoint.Notes),
            StringComparison.Ordinal
        );
        using Device device = Device.Cpu(1);
        Assert.True(new CheckpointSummary(checkpoint, device).Parameters > 0);
    }

    /// <summary>One decoder layer fewer than there are is a mistake, not a predictor.</summary>
    [Fact]
    public void A_decoder_layer_that_the_config_does_not_tell_of_is_extra()
    {
        using TemporaryFolder folder = TestCheckpoints.WriteZeros(
            With("num_nextn_predict_layers", 0),
            tensors => tensors
        );
        JsonObject json = JsonNode.Parse(With("num_nextn_predict_layers", 0))!.AsObject();
        json["num_hidden_layers"] = 2;
        File.WriteAllText(folder.File("config.json"), json.ToJsonString());
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path));
        Assert.All(
            error.Problems,
            problem => Assert.StartsWith("'model.layers.2.", problem, StringComparison.Ordinal)
        );
    }

    private static string With(string field, int value)
    {
        JsonObject json = JsonNode.Parse(Config)!.AsObject();
        json[field] = value;
        return json.ToJsonString();
    }
}
