using System.Text.Json;
using Hadal.Checkpoints;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Cli;

public sealed class TraceCommandTests : IDisposable
{
    private readonly string _output = Path.GetTempFileName();

    private static string Golden { get; } =
        Path.Combine(Paths.Goldens, "kjv-shakespeare", "prompt-20.safetensors");

    public void Dispose() => File.Delete(_output);

    private async Task TraceAsync(params string[] args)
    {
        CliResult result = await CliResult.RunAsync(["trace", "--output", _output, .. args]);
        Assert.Equal("", result.Output);
        Assert.Equal(0, result.Status);
        Assert.Contains(_output, result.Error, StringComparison.Ordinal);
    }

    /// <summary>‖made − expected‖ / ‖expected‖ of two rows.</summary>
    private static double Error(ReadOnlySpan<float> made, ReadOnlySpan<float> expected)
    {
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += Math.Pow(made[i] - expected[i], 2);
            norm += Math.Pow(expected[i], 2);
        }
        return Math.Sqrt(difference / norm);
    }

    private static double[] RowErrors(SafetensorsFile made, SafetensorsFile golden, string name) =>
        RowErrors(made, name, golden, name);

    private static double[] RowErrors(
        SafetensorsFile made,
        string name,
        SafetensorsFile golden,
        string goldenName
    )
    {
        Assert.Equal(golden[goldenName].Shape.ToArray(), made[name].Shape.ToArray());
        int width = (int)golden[goldenName].Shape[1];
        var errors = new double[(int)golden[goldenName].Shape[0]];
        for (int i = 0; i < errors.Length; i++)
            errors[i] = Error(
                made[name].AsSpan<float>().Slice(i * width, width),
                golden[goldenName].AsSpan<float>().Slice(i * width, width)
            );
        return errors;
    }

    [Fact]
    public async Task Float32IsTheReference()
    {
        await TraceAsync("--input", Golden, "--activations", "float32");
        using SafetensorsFile made = SafetensorsFile.Open(_output);
        using SafetensorsFile golden = SafetensorsFile.Open(Golden);
        Assert.Equal(
            golden.Tensors.Keys.Where(name => name != "logits_bf16").Order(),
            made.Tensors.Keys.Order()
        );
        Assert.Equal(golden["ids"].AsSpan<int>(), made["ids"].AsSpan<int>());
        Assert.Equal(golden["tokens"].AsSpan<int>(), made["tokens"].AsSpan<int>());
        double[] errors = RowErrors(made, golden, "logits_f32");
        Assert.True(errors.Average() <= 0.008, $"mean error {errors.Average()}");
        Assert.True(errors.Max() <= 0.03, $"greatest error {errors.Max()}");
        for (int layer = 0; layer < 4; layer++)
        {
            double hidden = RowErrors(made, golden, $"hidden.{layer}").Average();
            Assert.True(hidden <= 0.008, $"layer {layer}: mean error of hidden {hidden}");
            // Short of top-64 tokens there is nothing to choose.
            Assert.Equal(
                golden[$"index.{layer}"].AsSpan<int>(),
                made[$"index.{layer}"].AsSpan<int>()
            );
        }
        for (int layer = 1; layer < 4; layer++)
            Assert.True(EqualExperts(made, golden, layer) >= 0.98, $"experts of layer {layer}");
    }

    /// <summary>The part of the steps whose experts are the golden's, with weights that are near.</summary>
    private static double EqualExperts(SafetensorsFile made, SafetensorsFile golden, int layer)
    {
        const int count = 4;
        int steps = (int)golden["tokens"].Shape[0];
        int equal = 0;
        for (int step = 0; step < steps; step++)
        {
            Dictionary<int, float> a = Routing(made);
            Dictionary<int, float> b = Routing(golden);
            if (b.All(e => a.TryGetValue(e.Key, out float w) && Math.Abs(w - e.Value) < 0.05))
                equal++;

            Dictionary<int, float> Routing(SafetensorsFile file) =>
                Enumerable
                    .Range(step * count, count)
                    .ToDictionary(
                        i => file[$"experts.{layer}"].AsSpan<int>()[i],
                        i => file[$"expert_weights.{layer}"].AsSpan<float>()[i]
                    );
        }
        return (double)equal / steps;
    }

    [Fact]
    public async Task BFloat16IsWithinItsRoundingOfTheReference()
    {
        await TraceAsync("--input", Golden);
        using SafetensorsFile made = SafetensorsFile.Open(_output);
        using SafetensorsFile golden = SafetensorsFile.Open(Golden);
        Assert.DoesNotContain("logits_f32", made.Tensors.Keys);
        double ours = RowErrors(made, "logits_bf16", golden, "logits_f32").Average();
        double theirs = RowErrors(golden, "logits_bf16", golden, "logits_f32").Average();
        Assert.True(ours <= 1.75 * theirs, $"mean error {ours}, the reference's own {theirs}");
        // It must be another computation than Float32's, not the same under another name.
        Assert.True(ours > 1e-4, $"mean error {ours}");
    }

    [Fact]
    public async Task WithoutTokensTheMostProbableFollow()
    {
        await TraceAsync("--ids", "0 1271 261", "--steps", "3");
        using SafetensorsFile free = SafetensorsFile.Open(_output);
        int[] tokens = free["tokens"].AsSpan<int>().ToArray();
        float[] logits = free["logits_bf16"].AsSpan<float>().ToArray();
        Assert.Equal([0, 1271, 261], free["ids"].AsSpan<int>().ToArray());
        for (int step = 0; step < 3; step++)
        {
            float[] row = logits[(step * 2048)..((step + 1) * 2048)];
            Assert.Equal(row.Max(), row[tokens[step]]);
        }

        string forced = Path.GetTempFileName();
        CliResult result = await CliResult.RunAsync(
            "trace",
            "--ids",
            "0,1271,261",
            "--tokens",
            string.Join(' ', tokens),
            "--output",
            forced,
            "--json"
        );
        Assert.Equal(3, result.Json.GetProperty("steps").GetInt32());
        Assert.Equal(File.ReadAllBytes(_output), File.ReadAllBytes(forced));
        File.Delete(forced);
    }

    [Fact]
    public async Task NoPromptIsRefused() =>
        (await CliResult.RunAsync("trace", "-o", _output)).MustRefuse(2, "--ids", "--input");

    [Fact]
    public async Task AnEmptyPromptIsRefused() =>
        (await CliResult.RunAsync("trace", "-o", _output, "--ids", " ")).MustRefuse(2, "--ids");

    [Fact]
    public async Task NoOutputIsRefused() =>
        (await CliResult.RunAsync("trace", "--ids", "0")).MustRefuse(2, "--output", "--html");

    [Fact]
    public async Task One_file_for_both_is_refused() =>
        (
            await CliResult.RunAsync("trace", "-o", _output, "--html", _output, "--ids", "0")
        ).MustRefuse(2, "--html", "one file");

    [Fact]
    public async Task APromptAndATextAreRefused() =>
        (await CliResult.RunAsync("trace", "-o", _output, "--ids", "0", "--text", "x")).MustRefuse(
            2,
            "--ids",
            "--text"
        );

    [Fact]
    public async Task ThePageHasThePositionsOfTheTensors()
    {
        using var folder = new TemporaryFolder();
        string html = folder.File("page.html");
        string held = await File.ReadAllTextAsync(
            Path.Combine(Paths.EmbeddedModel, "held.txt"),
            TestContext.Current.CancellationToken
        );
        await TraceAsync("--text", held[..250], "--steps", "6", "--html", html);
        JsonElement data = DataOf(await File.ReadAllTextAsync(html, CancellationToken.None));
        using SafetensorsFile tensors = SafetensorsFile.Open(_output);
        int prompt = tensors["ids"].AsSpan<int>().Length;
        Assert.True(prompt > 64);
        Assert.Equal(prompt, data.GetProperty("prompt").GetArrayLength());
        JsonElement[] tokens = [.. data.GetProperty("tokens").EnumerateArray()];
        Assert.Equal(
            tensors["tokens"].AsSpan<int>().ToArray(),
            tokens.Select(token => token.GetProperty("id").GetInt32())
        );
        for (int step = 0; step < tokens.Length; step++)
        {
            Assert.Equal(prompt + step, tokens[step].GetProperty("position").GetInt32());
            for (int layer = 0; layer < 4; layer++)
            {
                int position = 0;
                Assert.Equal(
                    tensors[$"index.{layer}"].AsSpan<int>().Slice(64 * step, 64).ToArray(),
                    tokens[step]
                        .GetProperty("chosen")[layer]
                        .EnumerateArray()
                        .Select(difference => position += difference.GetInt32())
                );
            }
        }
    }

    private static JsonElement DataOf(string html)
    {
        const string begin = "<script id=\"data\" type=\"application/json\">";
        int at = html.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
        int end = html.IndexOf("</script>", at, StringComparison.Ordinal);
        return JsonDocument.Parse(html[at..end]).RootElement;
    }

    [Fact]
    public async Task TwoPromptsAreRefused() =>
        (await CliResult.RunAsync("trace", "-o", _output, "--ids", "0", "-i", Golden)).MustRefuse(
            2,
            "--input",
            "--ids"
        );

    [Fact]
    public async Task AnInputWithoutIdsIsAnErrorThatNamesThem() =>
        (
            await CliResult.RunAsync(
                "trace",
                "-o",
                _output,
                "-i",
                Path.Combine(Paths.Goldens, "ops.safetensors")
            )
        ).MustRefuse(1, "'ids'");

    [Fact]
    public async Task AnOutputThatCanNotBeWrittenIsAnErrorThatNamesIt() =>
        (
            await CliResult.RunAsync("trace", "-o", "/nowhere/x", "--ids", "0", "--steps", "1")
        ).MustRefuse(1, "/nowhere/x");
}
