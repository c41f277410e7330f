using Hadal.Checkpoints;
using Hadal.Model;
using Hadal.Tests.Cli;

namespace Hadal.Tests.Checkpoints;

/// <summary>The first layers of a checkpoint of which not all files are there.</summary>
public sealed class CheckpointLayersTests : IDisposable
{
    /// <summary>A file for each layer, without those of the last decoder layer and of the predictor.</summary>
    private readonly TemporaryFolder _part = TestCheckpoints.Reshard(
        TestCheckpoints.RandomA,
        name =>
            name.StartsWith("model.layers.", StringComparison.Ordinal)
                ? $"layer-{name[13]}.safetensors"
                : "others.safetensors"
    );

    public CheckpointLayersTests()
    {
        File.Delete(_part.File("layer-2.safetensors"));
        File.Delete(_part.File("layer-3.safetensors"));
    }

    public void Dispose() => _part.Dispose();

    [Fact]
    public void Only_the_needed_files_are_opened()
    {
        using (Checkpoint checkpoint = Open(_part.Path, 2))
        {
            Assert.Equal(3, checkpoint.Files.Count);
            Assert.Equal((2, 0, 1), Layers(checkpoint.Config));
            Assert.Contains(
                "first 2 of 3 layers",
                Assert.Single(checkpoint.Notes),
                StringComparison.Ordinal
            );
            Assert.Equal(
                checkpoint.Tensors.Count,
                checkpoint.Files.Sum(file => file.Tensors.Count)
            );
        }
        File.Delete(_part.File("layer-1.safetensors"));
        using (Checkpoint checkpoint = Open(_part.Path, 1))
            Assert.Equal((1, 0, 1), Layers(checkpoint.Config));
        var error = Assert.Throws<CheckpointException>(() => Open(_part.Path, 2));
        Assert.Equal(["layer-1.safetensors"], error.Problems);
    }

    [Fact]
    public void All_layers_need_all_files()
    {
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(_part.Path));
        Assert.Equal(["layer-2.safetensors", "layer-3.safetensors"], error.Problems);
        error = Assert.Throws<CheckpointException>(() => Open(_part.Path, 3));
        Assert.Equal(["layer-2.safetensors"], error.Problems);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(4)]
    public void As_many_layers_as_there_are_is_the_most(int layers)
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => Open(_part.Path, layers));
        Assert.Contains("from 1 to 3", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Neither other layers nor a missing tensor of a needed one are overlooked.</summary>
    [Fact]
    public void A_file_with_all_layers_serves_too()
    {
        using (Checkpoint whole = Open(TestCheckpoints.RandomV3, 1))
        {
            Assert.Equal((1, 0, 1), Layers(whole.Config));
            Assert.DoesNotContain(
                whole.Tensors.Keys,
                name => name.StartsWith("model.layers.1.", StringComparison.Ordinal)
            );
        }
        using (Checkpoint all = Open(TestCheckpoints.RandomV3, 2))
            Assert.Equal((2, 0, 1), Layers(all.Config));
        using TemporaryFolder lacking = TestCheckpoints.WriteZeros(
            File.ReadAllText(_part.File("config.json")),
            tensors => tensors.Where(t => t.Name != "model.layers.1.mlp.gate.weight")
        );
        Open(lacking.Path, 1).Dispose();
        var error = Assert.Throws<CheckpointException>(() => Open(lacking.Path, 2));
        Assert.StartsWith(
            "'model.layers.1.mlp.gate.weight' is missing",
            Assert.Single(error.Problems),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void The_first_layers_compute_what_they_compute_in_the_whole()
    {
        using Checkpoint whole = Checkpoint.Open(TestCheckpoints.RandomA);
        using Checkpoint part = Open(_part.Path, 2);
        float[][] expected = Hidden(whole);
        float[][] actual = Hidden(part);
        Assert.Equal(3, expected.Length);
        Assert.Equal(2, actual.Length);
        Assert.Equal(expected[..2], actual);
        Assert.Contains(actual[1], x => x != 0);
    }

    [Fact]
    public async Task The_tool_takes_them()
    {
        CliResult inspect = await CliResult.RunAsync(
            "inspect",
            "--model",
            _part.Path,
            "--layers",
            "2",
            "--json"
        );
        Assert.Equal("", inspect.Error);
        Assert.Equal(2, inspect.Json.GetProperty("layers").GetInt32());
        Assert.Contains(
            "first 2 of 3",
            inspect.Json.GetProperty("notes")[0].GetString()!,
            StringComparison.Ordinal
        );
        CliResult table = await CliResult.RunAsync(
            "inspect",
            "--model",
            _part.Path,
            "--layers",
            "2"
        );
        Assert.Contains("first 2 of 3", table.Output, StringComparison.Ordinal);
        CliResult trace = await CliResult.RunAsync(
            "trace",
            "--model",
            _part.Path,
            "--layers",
            "2",
            "--ids",
            "1 2 3",
            "--steps",
            "2",
            "--output",
            _part.File("trace.safetensors")
        );
        Assert.Equal(0, trace.Status);
        (await CliResult.RunAsync("inspect", "--model", _part.Path, "--layers", "9")).MustRefuse(
            2,
            "--layers is 9",
            "from 1 to 3"
        );
    }

    [Theory]
    [InlineData("generate", "And", "--max-tokens", "1", "--json")]
    [InlineData("perplexity", "And God said unto them", "--window", "4", "--count", "1", "--json")]
    [InlineData(
        "bench",
        "--contexts",
        "64",
        "--chunk",
        "8",
        "--decode",
        "1",
        "--repeats",
        "1",
        "--json"
    )]
    public async Task Every_command_that_runs_a_model_takes_them(params string[] args)
    {
        CliResult result = await CliResult.RunAsync([.. args, "--layers", "1"]);
        Assert.Equal(0, result.Status);
        (await CliResult.RunAsync([.. args, "--layers", "5"])).MustRefuse(2, "--layers is 5");
    }

    private static Checkpoint Open(string folder, int layers) =>
        Checkpoint.Open(folder, new CheckpointOptions { Layers = layers });

    private static (int, int, int) Layers(DeepSeekConfig config) =>
        (config.NumHiddenLayers, config.NumNextnPredictLayers, config.FirstKDenseReplace);

    /// <summary>Each decoder layer's hidden state of the last of three tokens.</summary>
    private static float[][] Hidden(Checkpoint checkpoint)
    {
        using Device device = Device.Cpu(1);
        using DeepSeekModel model = DeepSeekModel.Load(
            checkpoint,
            device,
            new ModelOptions { Activations = ActivationMode.Float32, LoadPredictor = false }
        );
        var trace = new ModelTrace();
        using Hadal.Caching.PagedCache cache = model.CreateCache(64);
        using Hadal.Caching.CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        batch.Trace = trace;
        batch.Add(sequence, [0, 311, 12], RowKind.Prefill);
        model.Forward(batch, TestContext.Current.CancellationToken);
        return [.. trace.Layers.OrderBy(l => l.Key).Select(l => l.Value.Hidden)];
    }
}
