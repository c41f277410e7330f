using System.Text.Json;
using Hadal.Cli.Measuring;
using Hadal.Model;
using Hadal.Tests.Checkpoints;
using Hadal.Tests.Model;
using Hadal.Tokenization;

namespace Hadal.Tests.Cli;

public sealed class PerplexityCommandTests
{
    private static string HeldIds { get; } =
        Path.Combine(Paths.EmbeddedModel, "held.ids.safetensors");

    private static string HeldText { get; } = Path.Combine(Paths.EmbeddedModel, "held.txt");

    private static async Task<Dictionary<(int Window, string Attention), double>> LossesAsync(
        params string[] args
    )
    {
        CliResult result = await CliResult.RunAsync(["perplexity", "--json", .. args]);
        Assert.Equal("", result.Error);
        Assert.Equal(0, result.Status);
        return result
            .Json.GetProperty("results")
            .EnumerateArray()
            .ToDictionary(
                r => (r.GetProperty("window").GetInt32(), r.GetProperty("attention").GetString()!),
                r => r.GetProperty("loss").GetDouble()
            );
    }

    [Fact]
    public async Task SparseAndDenseAreOneWhereEverythingIsChosen()
    {
        var losses = await LossesAsync("--ids", HeldIds, "-w", "64", "-w", "200", "-n", "2");
        Assert.Equal(4, losses.Count);
        Assert.Equal(losses[(64, "dense")], losses[(64, "sparse")]);
        Assert.NotEqual(losses[(200, "dense")], losses[(200, "sparse")]);
        // More context foretells better, and a trained model far better than 1 of 2048 by chance (7.62).
        Assert.All(losses.Values, loss => Assert.InRange(loss, 2, 5));
    }

    [Fact]
    public async Task TheFormOfThePrefillChangesBitsAlone()
    {
        string[] text = ["--ids", HeldIds, "-w", "128", "-n", "1"];
        double absorbed = (await LossesAsync(text))[(128, "dense")];
        double expanded = (await LossesAsync([.. text, "--prefill", "expanded"]))[(128, "dense")];
        Assert.NotEqual(absorbed, expanded);
        Assert.Equal(absorbed, expanded, 0.05);
        // Dense attention keeps every token: all are in the expanded form.
        var byPosition = await LossesAsync([.. text, "--prefill", "by-position"]);
        Assert.Equal(expanded, byPosition[(128, "dense")]);
    }

    [Fact]
    public async Task TextIsTokenized()
    {
        var ofText = await LossesAsync("--file", HeldText, "-w", "100", "-n", "1");
        var ofIds = await LossesAsync("--ids", HeldIds, "-w", "100", "-n", "1");
        Assert.Equal(ofIds, ofText);
    }

    [Fact]
    public async Task EveryWindowBeginsWithBosWhereAsked()
    {
        const string text =
            "In the beginning God created the heaven and the earth. And the earth was";
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);
        int[] plain = tokenizer.Encode(text, addSpecialTokens: false);
        int begin = tokenizer.BosId!.Value;
        int[] windows = [begin, .. plain[..6], begin, .. plain[6..12]];
        using DeepSeekModel model = TestModels.Load(
            "kjv-shakespeare",
            new ModelOptions { MaxLogitRows = 7, MaxStepTokens = 7 }
        );
        double expected = WindowLoss.Mean(
            model,
            windows,
            7,
            2,
            TestContext.Current.CancellationToken
        );
        foreach (
            string[] bos in (string[][])
                [
                    [],
                    ["--no-bos"],
                ]
        )
        {
            var losses = await LossesAsync([
                text,
                "-w",
                "7",
                "-n",
                "2",
                "--bos-each-window",
                .. bos,
            ]);
            Assert.Equal(expected, losses[(7, "sparse")]);
        }
    }

    [Fact]
    public async Task TheTextBeginsWithBosAsAsked()
    {
        const string text = "In the beginning God created the heaven";
        double with = (await LossesAsync(text, "-w", "6", "-n", "1", "--bos"))[(6, "sparse")];
        double none = (await LossesAsync(text, "-w", "6", "-n", "1", "--no-bos"))[(6, "sparse")];
        Assert.NotEqual(with, none);
        Assert.Equal(with, (await LossesAsync(text, "-w", "6", "-n", "1"))[(6, "sparse")]);
        (await CliResult.RunAsync("perplexity", "--ids", HeldIds, "--no-bos")).MustRefuse(
            2,
            "--ids"
        );
    }

    [Fact]
    public async Task AModelWithoutAnIndexerIsDense()
    {
        var losses = await LossesAsync(
            "--model",
            Path.Combine(Paths.Goldens, "random-v3", "checkpoint"),
            "--ids",
            Path.Combine(Paths.Goldens, "random-v3", "prompt-65.safetensors"),
            "-w",
            "32",
            "-n",
            "1"
        );
        Assert.Equal((32, "dense"), losses.Keys.Single());
    }

    [Fact]
    public async Task ALossThatIsNoNumberIsAnErrorThatTellsWhere()
    {
        using TemporaryFolder model = NormedModel.Write(0x7fc0);
        string[] args = ["perplexity", "-m", model.Path, "--ids", HeldIds, "-w", "32", "-n", "1"];
        (await CliResult.RunAsync(args)).MustRefuse(1, "window 0", "position 1", "NaN");

        CliResult result = await CliResult.RunAsync([.. args, "--json"]);
        Assert.Equal(1, result.Status);
        Assert.Contains("window 0", result.Error, StringComparison.Ordinal);
        foreach (JsonElement measured in result.Json.GetProperty("results").EnumerateArray())
        {
            Assert.Equal(JsonValueKind.Null, measured.GetProperty("loss").ValueKind);
            Assert.Equal(JsonValueKind.Null, measured.GetProperty("perplexity").ValueKind);
        }
    }

    [Fact]
    public async Task ATextAndIdsAreNotBothTaken() =>
        (await CliResult.RunAsync("perplexity", "x", "--ids", HeldIds)).MustRefuse(2, "--ids");

    [Fact]
    public async Task PeopleGetATable()
    {
        CliResult result = await CliResult.RunAsync(
            "perplexity",
            "In the beginning God created the heaven and the earth.",
            "-w",
            "8"
        );
        Assert.Equal(0, result.Status);
        Assert.All(
            ["perplexity", "sparse", "dense"],
            part => Assert.Contains(part, result.Output, StringComparison.Ordinal)
        );
    }

    [Theory]
    [InlineData("1", "from 2")]
    [InlineData("1025", "1024")]
    [InlineData("600", "tokens")]
    public async Task AWindowThatCanNotBeIsRefused(string window, string rule) =>
        (await CliResult.RunAsync("perplexity", "In the beginning", "-w", window)).MustRefuse(
            2,
            "--window",
            rule
        );
}
