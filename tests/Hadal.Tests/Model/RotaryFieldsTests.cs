using System.Text;
using System.Text.Json.Nodes;
using Hadal.Checkpoints;

namespace Hadal.Tests.Model;

/// <summary>The rotary embedding in both spellings.</summary>
public sealed class RotaryFieldsTests
{
    private const string Yarn =
        "\"factor\":4,\"original_max_position_embeddings\":256,\"mscale\":1,\"mscale_all_dim\":1";

    private static readonly RopeScaling Expected = new()
    {
        Factor = 4,
        OriginalMaxPositionEmbeddings = 256,
        BetaFast = 32,
        BetaSlow = 1,
        MscaleAllDim = 1,
    };

    [Theory]
    [InlineData("{\"rope_theta\":10000,\"rope_scaling\":{\"type\":\"yarn\"," + Yarn + "}}")]
    [InlineData(
        "{\"rope_parameters\":{\"rope_theta\":10000.0,\"rope_type\":\"yarn\"," + Yarn + "}}"
    )]
    [InlineData(
        "{\"rope_theta\":10000,\"rope_parameters\":{\"rope_theta\":1e4,\"rope_type\":\"yarn\",\"type\":\"yarn\",\"truncate\":true,\"attention_factor\":1.0,\"beta_fast\":32.0,\"beta_slow\":1.0,"
            + Yarn
            + "}}"
    )]
    [InlineData(
        "{\"rope_scaling\":{\"rope_theta\":10000,\"rope_type\":\"yarn\","
            + Yarn
            + "},\"rope_parameters\":{\"rope_theta\":10000,\"rope_type\":\"yarn\",\"beta_slow\":1,"
            + Yarn
            + "}}"
    )]
    [InlineData(
        "{\"rope_scaling\":{\"type\":\"yarn\","
            + Yarn
            + "},\"rope_parameters\":{\"rope_theta\":10000}}"
    )]
    public void Yarn_is_read_in_every_spelling(string fields)
    {
        DeepSeekConfig config = Parse(fields);
        Assert.Equal(10000, config.RopeTheta);
        Assert.Equal(Expected, config.RopeScaling);
    }

    [Theory]
    [InlineData("{\"rope_theta\":10000}")]
    [InlineData("{\"rope_theta\":10000,\"rope_scaling\":null}")]
    [InlineData("{\"rope_theta\":10000,\"rope_scaling\":{}}")]
    [InlineData("{\"rope_theta\":10000,\"rope_scaling\":{\"type\":\"default\"}}")]
    [InlineData("{\"rope_parameters\":{\"rope_theta\":10000,\"rope_type\":\"default\"}}")]
    [InlineData("{\"rope_scaling\":null,\"rope_parameters\":{\"rope_theta\":10000}}")]
    public void No_stretch_is_read_in_every_spelling(string fields)
    {
        DeepSeekConfig config = Parse(fields);
        Assert.Equal(10000, config.RopeTheta);
        Assert.Null(config.RopeScaling);
    }

    [Theory]
    [InlineData("{}", "rope_theta", "is missing")]
    [InlineData(
        "{\"rope_theta\":10000,\"rope_parameters\":{\"rope_theta\":50000}}",
        "rope_parameters.rope_theta: is 50000",
        "but rope_theta is 10000"
    )]
    [InlineData(
        "{\"rope_scaling\":{\"rope_theta\":10000},\"rope_parameters\":{\"rope_theta\":50000}}",
        "rope_parameters.rope_theta: is 50000",
        "but rope_scaling.rope_theta is 10000"
    )]
    [InlineData(
        "{\"rope_theta\":10000,\"rope_scaling\":{\"type\":\"yarn\","
            + Yarn
            + "},\"rope_parameters\":{\"rope_type\":\"default\"}}",
        "rope_parameters: is",
        "but rope_scaling tells another"
    )]
    [InlineData(
        "{\"rope_theta\":10000,\"rope_scaling\":{\"type\":\"yarn\","
            + Yarn
            + "},\"rope_parameters\":{\"type\":\"yarn\",\"beta_fast\":16,"
            + Yarn
            + "}}",
        "rope_parameters: is",
        "but rope_scaling tells another"
    )]
    [InlineData(
        "{\"rope_theta\":10000,\"rope_scaling\":{\"type\":\"yarn\",\"rope_type\":\"default\","
            + Yarn
            + "}}",
        "rope_scaling.type: is \"yarn\"",
        "but rope_type is \"default\""
    )]
    [InlineData(
        "{\"rope_theta\":10000,\"rope_parameters\":{\"rope_type\":\"linear\",\"factor\":4}}",
        "rope_parameters.rope_type: is \"linear\"",
        "must be 'yarn' or 'default'"
    )]
    [InlineData(
        "{\"rope_theta\":10000,\"rope_parameters\":{\"factor\":4}}",
        "rope_parameters.rope_type: is absent",
        "must be 'yarn' or 'default'"
    )]
    [InlineData(
        "{\"rope_theta\":10000,\"rope_scaling\":{\"type\":\"yarn\",\"attention_factor\":1.1,"
            + Yarn
            + "}}",
        "attention_factor: is 1.1",
        "must be 1"
    )]
    [InlineData(
        "{\"rope_theta\":10000,\"rope_scaling\":{\"type\":\"yarn\",\"truncate\":false,"
            + Yarn
            + "}}",
        "truncate: is false",
        "must be true"
    )]
    [InlineData(
        "{\"rope_theta\":10000,\"rope_parameters\":{\"rope_type\":\"default\",\"partial_rotary_factor\":0.5}}",
        "partial_rotary_factor: is 0.5",
        "must be 1"
    )]
    [InlineData(
        "{\"rope_theta\":10000,\"rope_scaling\":{\"type\":\"yarn\",\"long_factor\":[1],"
            + Yarn
            + "}}",
        "rope_scaling.long_factor: is",
        "is not known"
    )]
    [InlineData(
        "{\"rope_parameters\":{\"full_attention\":{\"rope_theta\":10000}}}",
        "rope_parameters.full_attention: is",
        "is not known"
    )]
    [InlineData(
        "{\"rope_parameters\":{\"rope_theta\":0}}",
        "rope_parameters.rope_theta: is 0",
        "from 2"
    )]
    public void Disagreement_and_other_embeddings_are_refused(
        string fields,
        string what,
        string rule
    )
    {
        string message = Assert.Throws<CheckpointException>(() => Parse(fields)).Message;
        Assert.Contains(what, message, StringComparison.Ordinal);
        Assert.Contains(rule, message, StringComparison.Ordinal);
    }

    private static DeepSeekConfig Parse(string fields)
    {
        JsonObject json = JsonNode
            .Parse(
                File.ReadAllBytes(
                    Path.Combine(Paths.Goldens, "random-a", "checkpoint", "config.json")
                )
            )!
            .AsObject();
        json.Remove("rope_theta");
        json.Remove("rope_scaling");
        foreach ((string name, JsonNode? value) in JsonNode.Parse(fields)!.AsObject())
            json[name] = value?.DeepClone();
        return DeepSeekConfig.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()));
    }
}
