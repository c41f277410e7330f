using System.Buffers.Binary;
using System.Text.Json;

namespace Hadal.Tests.Cli;

public sealed class InspectCommandTests
{
    private static async Task<JsonElement> InspectAsync(string folder, params string[] arguments)
    {
        CliResult result = await CliResult.RunAsync([
            "inspect",
            "--model",
            folder,
            "--json",
            .. arguments,
        ]);
        Assert.Equal("", result.Error);
        Assert.Equal(0, result.Status);
        return result.Json;
    }

    /// <summary>Bytes of data in a folder's files: what is left of each after its header.</summary>
    private static long DataBytes(string folder) =>
        Directory
            .GetFiles(folder, "model*.safetensors")
            .Sum(path =>
            {
                using FileStream file = File.OpenRead(path);
                var length = new byte[8];
                file.ReadExactly(length);
                return file.Length - 8 - BinaryPrimitives.ReadInt64LittleEndian(length);
            });

    [Fact]
    public async Task WeightsAreTheFilesWithoutTheirHeaders()
    {
        JsonElement summary = await InspectAsync(Paths.EmbeddedModel);
        long bytes = summary.GetProperty("weight_bytes").GetInt64();
        Assert.Equal(DataBytes(Paths.EmbeddedModel), bytes);
        Assert.Equal(
            bytes,
            summary.GetProperty("bytes_by_type").EnumerateObject().Sum(t => t.Value.GetInt64())
        );
    }

    [Fact]
    public async Task ParametersAreThoseOfTheArchitecture()
    {
        const long hidden = 256;
        const long expert = 3 * hidden * 128;
        const long attention =
            hidden * 128
            + 128 // queries to their latent, and its norm
            + 128 * 4 * 192 // to heads
            + hidden * 576
            + 512 // keys and values to theirs, with the rotary part
            + 512 * 4 * (128 + 128)
            + 4 * 128 * hidden;
        const long indexer = 128 * 4 * 128 + hidden * 128 + 2 * 128 + hidden * 4;
        const long norms = 2 * hidden;
        const long dense = 3 * hidden * 768;
        const long router = 16 * hidden + 16;
        const long everyLayer = attention + indexer + norms;
        const long outside = 2 * 2048 * hidden + hidden;
        const long model = 4 * everyLayer + dense + 3 * (router + 17 * expert) + outside;
        // Multi-token prediction: a layer, two norms, the projection that joins its inputs, a last norm, and its own copies
        // of embedding and head.
        const long prediction =
            everyLayer + router + 17 * expert + 2 * hidden + 2 * hidden * hidden + outside;

        JsonElement summary = await InspectAsync(Paths.EmbeddedModel);
        Assert.Equal(model + prediction, summary.GetProperty("parameters").GetInt64());
        Assert.Equal(model - 3 * 12 * expert, summary.GetProperty("active_parameters").GetInt64());
    }

    [Fact]
    public async Task TheCacheGrowsByThePageFormats()
    {
        JsonElement summary = await InspectAsync(Paths.EmbeddedModel);
        Assert.Equal(4 * (656 + 132), summary.GetProperty("cache_bytes_per_token").GetInt64());
        JsonElement context = summary.GetProperty("contexts").EnumerateArray().Single();
        Assert.Equal(1024, context.GetProperty("tokens").GetInt32());
        Assert.Equal(4 * 788 * 1024, context.GetProperty("cache_bytes").GetInt64());
    }

    [Fact]
    public async Task TheTotalIsWhatTheFormOfActivationsTakes()
    {
        JsonElement summary = await InspectAsync(Paths.EmbeddedModel, "--activations", "float32");
        long tokenBytes = summary.GetProperty("cache_bytes_per_token").GetInt64();
        Assert.Equal(4 * (784 + 132), tokenBytes);
        long expanded = summary.GetProperty("expanded_bytes").GetInt64();
        Assert.Equal(4 * (4 * 256 * 512 * 4), expanded);
        long loaded =
            summary.GetProperty("weight_bytes").GetInt64()
            - summary.GetProperty("prediction_bytes").GetInt64();
        JsonElement context = summary.GetProperty("contexts").EnumerateArray().Single();
        Assert.Equal(
            loaded + expanded + 1024 * tokenBytes,
            context.GetProperty("total_bytes").GetInt64()
        );
    }

    /// <summary>The predictor is a layer more of weights, of what is expanded, and of every cache.</summary>
    [Fact]
    public async Task DraftsTakeThePredictorsWeightsAndItsLayerOfTheCache()
    {
        JsonElement without = await InspectAsync(Paths.EmbeddedModel);
        JsonElement with = await InspectAsync(Paths.EmbeddedModel, "--drafts", "1");
        Assert.Equal(5 * (656 + 132), with.GetProperty("cache_bytes_per_token").GetInt64());
        Assert.Equal(
            Total(without)
                + with.GetProperty("prediction_bytes").GetInt64()
                + with.GetProperty("expanded_bytes").GetInt64() / 5
                + 1024 * (656 + 132),
            Total(with)
        );
        (
            await CliResult.RunAsync(
                "inspect",
                "--model",
                Path.Combine(Paths.Goldens, "random-v3", "checkpoint"),
                "--layers",
                "1",
                "--drafts",
                "1"
            )
        ).MustRefuse(2, "--drafts is 1", "no multi-token predictor");

        static long Total(JsonElement summary) =>
            summary
                .GetProperty("contexts")
                .EnumerateArray()
                .Single()
                .GetProperty("total_bytes")
                .GetInt64();
    }

    [Fact]
    public async Task AModelWithoutAnIndexerKeepsBf16Latents()
    {
        JsonElement summary = await InspectAsync(
            Path.Combine(Paths.Goldens, "random-v3", "checkpoint")
        );
        long layers = summary.GetProperty("layers").GetInt64();
        Assert.Equal(layers * 1152, summary.GetProperty("cache_bytes_per_token").GetInt64());
    }

    [Fact]
    public async Task TheMachineSMemoryIsThatOfTheDevice()
    {
        using Device device = Device.Cpu();
        Assert.Equal(
            device.MemoryBytes,
            (await InspectAsync(Paths.EmbeddedModel)).GetProperty("machine_memory_bytes").GetInt64()
        );
    }

    [Fact]
    public async Task PeopleAreToldTheSame()
    {
        CliResult result = await CliResult.RunAsync("inspect");
        Assert.Equal(0, result.Status);
        Assert.All(
            ["deepseek_v32", "7.3 M", "16.8 MB", "F8_E4M3", "1024 tokens", "80 GB"],
            part => Assert.Contains(part, result.Output, StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task AFolderThatIsNotThereIsRefused() =>
        (await CliResult.RunAsync("inspect", "--model", "/nowhere/model")).MustRefuse(
            2,
            "--model",
            "/nowhere/model"
        );

    [Fact]
    public async Task AFolderWithoutAModelIsAnErrorThatNamesTheFile() =>
        (await CliResult.RunAsync("inspect", "--model", Paths.Goldens)).MustRefuse(
            1,
            "config.json"
        );
}
