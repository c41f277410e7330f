using System.Globalization;
using System.Text.Json;
using Hadal.Caching;
using Hadal.Model;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Cli;

public sealed class BenchCommandTests
{
    private static string[] Quick(params string[] args) =>
        ["bench", "--chunk", "32", "--decode", "2", "--repeats", "2", .. args];

    [Fact]
    public async Task EveryContextIsMeasuredSparseAndDense()
    {
        using var folder = new TemporaryFolder();
        string csv = folder.File("costs.csv");
        string plot = folder.File("costs.png");
        CliResult result = await CliResult.RunAsync(
            Quick(
                "--threads",
                "1",
                "--contexts",
                "200",
                "0",
                "--json",
                "--csv",
                csv,
                "--plot",
                plot
            )
        );
        Assert.Equal("", result.Error);
        Assert.Equal(0, result.Status);

        JsonElement[] results = [.. result.Json.GetProperty("results").EnumerateArray()];
        (int, string?)[] expected = [(0, "sparse"), (0, "dense"), (200, "sparse"), (200, "dense")];
        Assert.Equal(
            expected,
            results.Select(r =>
                (r.GetProperty("context_tokens").GetInt32(), r.GetProperty("attention").GetString())
            )
        );
        Assert.All(results, r => Assert.True(r.GetProperty("decode_ms_per_token").GetDouble() > 0));
        Assert.Equal("random", result.Json.GetProperty("context_content").GetString());

        Assert.Equal("processor", result.Json.GetProperty("clock").GetString());

        string[] lines = await File.ReadAllLinesAsync(csv, TestContext.Current.CancellationToken);
        Assert.Equal(5, lines.Length);
        Assert.Equal(
            results[3].GetProperty("prefill_ms_per_token").GetDouble(),
            double.Parse(lines[4].Split(',')[2], CultureInfo.InvariantCulture),
            1e-5
        );
        byte[] png = await File.ReadAllBytesAsync(plot, TestContext.Current.CancellationToken);
        Assert.Equal("PNG"u8, png.AsSpan(1, 3));
        Assert.True(png.Length > 5000);
    }

    [Fact]
    public async Task ItGoesByPowersOfTwoAsFarAsTheModelDoes()
    {
        // The embedded model's context is 1024, so there is room for 992 before a chunk.
        CliResult result = await CliResult.RunAsync(Quick("--json"));
        Assert.Equal(0, result.Status);
        Assert.Equal(
            992,
            result.Json.GetProperty("results")[0].GetProperty("context_tokens").GetInt32()
        );
    }

    [Fact]
    public async Task TheTableSaysThatContextsAreRandom()
    {
        CliResult result = await CliResult.RunAsync(Quick("--contexts", "100"));
        Assert.Equal(0, result.Status);
        Assert.Contains("dense / this", result.Output, StringComparison.Ordinal);
        Assert.Contains("random latents and keys", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DenseAttentionMayBeLeftOut()
    {
        string[] arguments = Quick("--contexts", "100", "--no-dense");
        CliResult result = await CliResult.RunAsync([.. arguments, "--json"]);
        Assert.Equal("", result.Error);
        JsonElement only = Assert.Single(result.Json.GetProperty("results").EnumerateArray());
        Assert.Equal("sparse", only.GetProperty("attention").GetString());
        CliResult table = await CliResult.RunAsync(arguments);
        Assert.Matches(@"100\s+sparse\s+[\d.]+\s+[\d.]+\s+-\s+-", table.Output);

        string dense = Path.Combine(Paths.Goldens, "random-v3", "checkpoint");
        (await CliResult.RunAsync("bench", "--model", dense, "--no-dense")).MustRefuse(
            2,
            "--no-dense",
            "deepseek_v3"
        );
    }

    [Fact]
    public async Task AMillionTokensCostWhatTheirHoursDo()
    {
        using var folder = new TemporaryFolder();
        string csv = folder.File("costs.csv");
        CliResult result = await CliResult.RunAsync(
            Quick("--contexts", "100", "--price-per-hour", "7.2", "--json", "--csv", csv)
        );
        Assert.Equal("", result.Error);
        Assert.Equal(7.2, result.Json.GetProperty("price_per_hour").GetDouble());
        JsonElement[] results = [.. result.Json.GetProperty("results").EnumerateArray()];
        string[] lines = await File.ReadAllLinesAsync(csv);
        Assert.EndsWith(
            ",price_per_million_in,price_per_million_out",
            lines[0],
            StringComparison.Ordinal
        );
        Assert.All(
            results.Zip(lines[1..]),
            pair =>
            {
                (JsonElement cost, string line) = pair;
                string[] cells = line.Split(',');
                // A millisecond a token is 1000 seconds a million, and 2 at 7.2 an hour.
                double into = 2 * cost.GetProperty("prefill_ms_per_token").GetDouble();
                double outOf = 2 * cost.GetProperty("decode_ms_per_token").GetDouble();
                Assert.Equal(into, cost.GetProperty("price_per_million_in").GetDouble(), 1e-9);
                Assert.Equal(outOf, cost.GetProperty("price_per_million_out").GetDouble(), 1e-9);
                Assert.Equal(into, double.Parse(cells[4], CultureInfo.InvariantCulture), 1e-5);
                Assert.Equal(outOf, double.Parse(cells[5], CultureInfo.InvariantCulture), 1e-5);
            }
        );

        CliResult table = await CliResult.RunAsync(
            Quick("--contexts", "100", "--price-per-hour", "7.2")
        );
        Assert.Contains("a million tokens out", table.Output, StringComparison.Ordinal);
        Assert.Contains("At 7.2 an hour", table.Output, StringComparison.Ordinal);
        foreach (string wrong in (string[])["-1", "free", "NaN", "1e999"])
            (await CliResult.RunAsync(Quick($"--price-per-hour={wrong}"))).MustRefuse(
                2,
                "--price-per-hour",
                wrong
            );
        (await CliResult.RunAsync(Quick("--serve", "--price-per-hour", "1"))).MustRefuse(
            2,
            "leave out --serve"
        );
    }

    [Fact]
    public async Task TheTimeOfEachOperationIsShown()
    {
        CliResult result = await CliResult.RunAsync(Quick("--contexts", "100", "--ops", "--json"));
        Assert.Equal("", result.Error);
        JsonElement sparse = result.Json.GetProperty("results")[0];
        JsonProperty[] ops = [.. sparse.GetProperty("ops").EnumerateObject()];
        Assert.All(
            ops,
            op => Assert.True(op.Value.GetProperty("decode_ms_per_token").GetDouble() > 0)
        );
        Assert.All(
            ops,
            op => Assert.True(op.Value.GetProperty("prefill_ms_per_token").GetDouble() > 0)
        );
        string[] some = ["fp8_gemm", "sparse_mla", "rms_norm", "moe_route", "embedding"];
        Assert.Empty(some.Except(ops.Select(op => op.Name)));

        CliResult table = await CliResult.RunAsync(Quick("--contexts", "100", "--ops"));
        Assert.Contains("100 dense", table.Output, StringComparison.Ordinal);
        Assert.Contains("fp8_gemm_contiguous", table.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AContextThatTheModelHasNotIsRefused()
    {
        (await CliResult.RunAsync(Quick("--contexts", "1000"))).MustRefuse(2, "1000", "992");
        (await CliResult.RunAsync(Quick("--contexts", "-1"))).MustRefuse(2, "-1", "from 0");
        (await CliResult.RunAsync("bench", "--chunk", "1024")).MustRefuse(2, "--chunk", "1024");
        (await CliResult.RunAsync("bench", "--repeats", "0")).MustRefuse(2, "--repeats", "0");
    }

    [Fact]
    public void ARandomContextIsSeenByEveryLaterToken()
    {
        using var device = Device.Cpu();
        using DeepSeekModel model = DeepSeekModel.Load(
            Paths.EmbeddedModel,
            device,
            new ModelOptions { MaxStepTokens = 64 }
        );
        float[] first = LogitsAfter(model, 1);
        Assert.All(first, logit => Assert.True(float.IsFinite(logit)));
        Assert.Equal(first, LogitsAfter(model, 1));
        Assert.NotEqual(first, LogitsAfter(model, 2));
    }

    private static float[] LogitsAfter(DeepSeekModel model, ulong seed)
    {
        using PagedCache cache = model.CreateCache(101);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        foreach (int count in (int[])[64, 36])
        {
            batch.Clear();
            batch.Add(sequence, new int[count], RowKind.Prefill, LogitRows.None);
            model.FillRandomly(batch, seed);
        }
        Assert.Equal(100, sequence.Length);
        batch.Clear();
        batch.Add(sequence, [3], RowKind.Decode);
        return model.Forward(batch)[0].ToArray();
    }
}
