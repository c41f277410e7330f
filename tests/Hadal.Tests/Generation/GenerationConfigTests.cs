using System.Text;
using Hadal.Checkpoints;
using Hadal.Generation;

namespace Hadal.Tests.Generation;

public sealed class GenerationConfigTests
{
    private static GenerationConfig Parse(string json) =>
        GenerationConfig.Parse(Encoding.UTF8.GetBytes(json));

    [Fact]
    public void Fields_are_read()
    {
        GenerationConfig config = Parse(
            """
            {"do_sample":true,"temperature":0.6,"top_k":20,"top_p":0.95,"min_p":0.05,"repetition_penalty":1.1,
             "eos_token_id":[1,2]}
            """
        );
        Assert.Equal(
            new SamplingOptions
            {
                Temperature = 0.6f,
                TopK = 20,
                TopP = 0.95f,
                MinP = 0.05f,
                RepetitionPenalty = 1.1f,
            },
            config.Sampling
        );
        Assert.Equal([1, 2], config.EosTokenIds);
        // As zai-org/GLM-5 publishes it.
        Assert.Equal(
            [154820, 154827, 154829],
            Parse(
                """
                {"_from_model_config":true,"eos_token_id":[154820,154827,154829],"pad_token_id":154820,
                 "temperature":1.0,"top_p":0.95,"transformers_version":"5.16.0"}
                """
            ).EosTokenIds
        );
        Assert.Equal([7], Parse("""{"eos_token_id":7}""").EosTokenIds);
        Assert.Equal(1, Parse("""{"do_sample":true}""").Temperature);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"do_sample":null,"temperature":0.6,"eos_token_id":null}""")]
    [InlineData("""{"do_sample":false,"temperature":0.6,"top_k":50,"top_p":0.5,"min_p":0.1}""")]
    [InlineData("""{"repetition_penalty":-1,"eos_token_id":-1}""")]
    public void What_says_nothing_is_greedy_and_ends_nowhere(string json)
    {
        Assert.Equal(new SamplingOptions(), Parse(json).Sampling);
        Assert.Empty(Parse(json).EosTokenIds);
    }

    [Fact]
    public void Null_and_minus_one_are_the_default_of_a_field()
    {
        foreach (string value in (string[])["null", "-1"])
        {
            GenerationConfig config = Parse(
                $$"""
                {"do_sample":true,"temperature":{{value}},"top_k":{{value}},"top_p":{{value}},"min_p":{{value}},
                 "repetition_penalty":{{value}},"eos_token_id":{{value}}}
                """
            );
            Assert.Equal(new SamplingOptions { Temperature = 1 }, config.Sampling);
            Assert.Empty(config.EosTokenIds);
        }
    }

    [Theory]
    [InlineData("temperature", "-2", "from 0")]
    [InlineData("temperature", "\"hot\"", "must be a number")]
    [InlineData("temperature", "1e999", "from 0")]
    [InlineData("top_k", "-5", "from 0")]
    [InlineData("top_k", "1.5", "must be an integer")]
    [InlineData("top_p", "0", "to 1")]
    [InlineData("top_p", "2", "to 1")]
    [InlineData("min_p", "1.5", "from 0 to 1")]
    [InlineData("repetition_penalty", "0", "must be a number")]
    [InlineData("do_sample", "1", "true or false")]
    public void A_bad_value_names_its_field(string name, string value, string rule)
    {
        string other = name == "do_sample" ? "" : "\"do_sample\":true,";
        GenerationConfig config = Parse($$"""{ {{other}} "{{name}}":{{value}},"eos_token_id":3}""");
        var error = Assert.Throws<CheckpointException>(() => config.Sampling);
        Assert.StartsWith(
            $"generation_config.json.{name}: is {value}",
            error.Message,
            StringComparison.Ordinal
        );
        Assert.Contains(rule, error.Message, StringComparison.Ordinal);
        // It is no obstacle to the rest.
        Assert.Equal([3], config.EosTokenIds);
    }

    [Theory]
    [InlineData("\"x\"")]
    [InlineData("-2")]
    [InlineData("1.5")]
    [InlineData("[1,\"x\"]")]
    [InlineData("{}")]
    public void Bad_ids_name_their_field(string value)
    {
        GenerationConfig config = Parse($$"""{"eos_token_id":{{value}}}""");
        var error = Assert.Throws<CheckpointException>(() => config.EosTokenIds);
        Assert.StartsWith(
            "generation_config.json.eos_token_id: is ",
            error.Message,
            StringComparison.Ordinal
        );
        Assert.Equal(new SamplingOptions(), config.Sampling);
    }

    [Theory]
    [InlineData("{", "is broken")]
    [InlineData("[]", "is a JSON Array")]
    [InlineData("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer")]
    [InlineData("<html>", "web page")]
    public void A_file_that_is_none_is_refused(string content, string named)
    {
        var error = Assert.Throws<CheckpointException>(() => Parse(content));
        Assert.StartsWith("generation_config.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_need_not_hold_the_file()
    {
        string folder = Directory.CreateTempSubdirectory("hadal-generation").FullName;
        Assert.Equal(new SamplingOptions(), GenerationConfig.Read(folder).Sampling);
        File.WriteAllText(
            Path.Combine(folder, "generation_config.json"),
            new string(' ', (1 << 20) + 1)
        );
        Assert.Throws<CheckpointException>(() => GenerationConfig.Read(folder));
        Directory.Delete(folder, recursive: true);
    }
}
