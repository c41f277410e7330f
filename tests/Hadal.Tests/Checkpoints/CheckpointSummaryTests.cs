using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Model;
using Hadal.Tensors;
using Hadal.Tests.Model;

namespace Hadal.Tests.Checkpoints;

public sealed class CheckpointSummaryTests
{
    private static readonly Device Cpu = Device.Cpu(1);

    [Fact]
    public void A_V32_checkpoint_is_summed_up()
    {
        using var checkpoint = Checkpoint.Open(Paths.EmbeddedModel);
        var summary = new CheckpointSummary(checkpoint, Cpu);
        // Its README counts 13.6 million, without the prediction layer's copies of embedding and head.
        Assert.Equal(13.6, (summary.Parameters - 2 * 2048 * 256) / 1e6, 0.05);
        long headers = checkpoint.Files.Sum(file =>
            file.Tensors.Values.Min(tensor => tensor.Offset)
        );
        Assert.Equal(
            checkpoint.Files.Sum(file => new FileInfo(file.Path).Length),
            summary.WeightBytes + headers
        );
        Assert.Equal(summary.WeightBytes, summary.BytesByDType.Values.Sum());
        Assert.Equal([DType.F8E4M3, DType.BF16, DType.F32], summary.BytesByDType.Keys);
        Assert.Equal(
            checkpoint
                .Tensors.Values.Where(t =>
                    t.Name.StartsWith("model.layers.4.", StringComparison.Ordinal)
                )
                .Sum(t => t.ByteLength),
            summary.PredictionBytes
        );
        Assert.Equal(4 * (656 + 132), summary.CacheBytesPerToken);
        long loaded = summary.WeightBytes - summary.PredictionBytes + summary.ExpandedBytes;
        Assert.Equal(loaded, summary.MemoryNeeded(0));
        Assert.Equal(loaded + 64 * 4 * 788, summary.MemoryNeeded(1));
        Assert.Equal(64 * 4 * 788, summary.CacheBytes(1));
        Assert.Equal(loaded + 64 * 4 * 788, summary.MemoryNeeded(64));
        Assert.Equal(loaded + 128 * 4 * 788, summary.MemoryNeeded(65));
        Assert.Throws<ArgumentOutOfRangeException>(() => summary.MemoryNeeded(-1));
    }

    /// <summary>kv_b_proj: four heads of 128 + 128 rows by 512 columns a layer.</summary>
    [Fact]
    public void What_is_expanded_goes_by_device_activations_and_predictor()
    {
        const long layer = 4 * 256 * 512;
        using var checkpoint = Checkpoint.Open(Paths.EmbeddedModel);
        long bf16 = Cpu.Isa == "avx512" ? 0 : 2 * layer;
        Assert.Equal(4 * bf16, Expanded(new ModelOptions()));
        Assert.Equal(5 * bf16, Expanded(new ModelOptions { LoadPredictor = true }));
        Assert.Equal(
            4 * 4 * layer,
            Expanded(new ModelOptions { Activations = ActivationMode.Float32 })
        );

        long Expanded(ModelOptions options) =>
            new CheckpointSummary(checkpoint, Cpu, options).ExpandedBytes;
    }

    /// <summary>What is told beforehand is what loading then takes.</summary>
    [Theory]
    [InlineData("random-a", ActivationMode.BFloat16, false)]
    [InlineData("random-a", ActivationMode.BFloat16, true)]
    [InlineData("random-a", ActivationMode.Float32, true)]
    [InlineData("random-v3", ActivationMode.BFloat16, true)]
    [InlineData("random-v3", ActivationMode.Float32, false)]
    [InlineData("kjv-shakespeare", ActivationMode.BFloat16, true)]
    public void Loading_takes_what_the_summary_tells(
        string name,
        ActivationMode activations,
        bool predictor
    )
    {
        var options = new ModelOptions { Activations = activations, LoadPredictor = predictor };
        using var checkpoint = Checkpoint.Open(TestModels.Folder(name));
        var summary = new CheckpointSummary(checkpoint, Cpu, options);
        var progress = new LastReport();
        using DeepSeekModel model = DeepSeekModel.Load(
            checkpoint,
            Cpu,
            options,
            progress,
            TestContext.Current.CancellationToken
        );
        using PagedCache cache = model.CreateCache(100);
        Assert.Equal(summary.CacheBytes(100), cache.MemoryBytes);
        Assert.Equal(summary.ExpandedBytes, model.ExpandedWeightBytes);
        Assert.Equal(summary.MemoryNeeded(0) - summary.ExpandedBytes, progress.Last.BytesDone);
        Assert.Equal(progress.Last.BytesTotal, progress.Last.BytesDone);
        Assert.Equal(progress.Last.TensorsTotal, progress.Last.TensorsDone);
        Assert.Equal(
            summary.WeightBytes - (predictor ? 0 : summary.PredictionBytes),
            progress.Last.BytesTotal
        );
    }

    [Fact]
    public void A_V3_cache_has_no_index()
    {
        using var checkpoint = Checkpoint.Open(TestCheckpoints.RandomV3);
        int layers = checkpoint.Config.NumHiddenLayers;
        Assert.Equal(layers * 1152, PerToken(new ModelOptions()));
        Assert.Equal((layers + 1) * 1152, PerToken(new ModelOptions { LoadPredictor = true }));
        Assert.Equal(
            layers * 2304,
            PerToken(new ModelOptions { Activations = ActivationMode.Float32 })
        );

        long PerToken(ModelOptions options) =>
            new CheckpointSummary(checkpoint, Cpu, options).CacheBytesPerToken;
    }

    /// <summary>All 690 GB of it, in sparse files: had opening read the weights, this would not end.</summary>
    [Fact]
    public void The_published_model_is_summed_up_from_its_headers()
    {
        using TemporaryFolder folder = TestCheckpoints.WriteSparse(PublishedConfigs.V32, shards: 8);
        long before = GC.GetAllocatedBytesForCurrentThread();
        using var checkpoint = Checkpoint.Open(folder.Path);
        var summary = new CheckpointSummary(checkpoint, Cpu);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256 << 20);
        Assert.Equal(690, summary.WeightBytes / 1e9, 2.0);
        // Of V3's 671B 37B are active; the indexer of V3.2 adds 14M a layer.
        Assert.Equal(37 + 61 * 0.014, summary.ActiveParameters / 1e9, 0.6);
        Assert.Equal(61 * 788, summary.CacheBytesPerToken);
    }

    private sealed class LastReport : IProgress<LoadProgress>
    {
        public LoadProgress Last { get; private set; }

        public void Report(LoadProgress value) => Last = value;
    }
}
