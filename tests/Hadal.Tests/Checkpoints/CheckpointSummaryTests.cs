using Hadal.Checkpoints;
using Hadal.Tensors;
using Hadal.Tests.Model;

namespace Hadal.Tests.Checkpoints;

public sealed class CheckpointSummaryTests
{
    [Fact]
    public void A_V32_checkpoint_is_summed_up()
    {
        using var checkpoint = Checkpoint.Open(Paths.EmbeddedModel);
        var summary = new CheckpointSummary(checkpoint);
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
        Assert.Equal(4 * (656 + 132), summary.CacheBytesPerToken);
        // kv_b_proj of four layers: four heads of 128 + 128 rows by 512 columns of bf16.
        long loaded = summary.WeightBytes + 4 * (4 * 256 * 512 * 2);
        Assert.Equal(loaded, summary.MemoryNeeded(0));
        Assert.Equal(loaded + 64 * 4 * 788, summary.MemoryNeeded(1));
        Assert.Equal(64 * 4 * 788, summary.CacheBytes(1));
        Assert.Equal(loaded + 64 * 4 * 788, summary.MemoryNeeded(64));
        Assert.Equal(loaded + 128 * 4 * 788, summary.MemoryNeeded(65));
        Assert.Throws<ArgumentOutOfRangeException>(() => summary.MemoryNeeded(-1));
    }

    [Fact]
    public void A_V3_cache_has_no_index()
    {
        using var checkpoint = Checkpoint.Open(TestCheckpoints.RandomV3);
        Assert.Equal(2 * 1152, new CheckpointSummary(checkpoint).CacheBytesPerToken);
    }

    /// <summary>All 690 GB of it, in sparse files: had opening read the weights, this would not end.</summary>
    [Fact]
    public void The_published_model_is_summed_up_from_its_headers()
    {
        using TemporaryFolder folder = TestCheckpoints.WriteSparse(PublishedConfigs.V32, shards: 8);
        long before = GC.GetAllocatedBytesForCurrentThread();
        using var checkpoint = Checkpoint.Open(folder.Path);
        var summary = new CheckpointSummary(checkpoint);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256 << 20);
        Assert.Equal(690, summary.WeightBytes / 1e9, 2.0);
        // Of V3's 671B 37B are active; the indexer of V3.2 adds 14M a layer.
        Assert.Equal(37 + 61 * 0.014, summary.ActiveParameters / 1e9, 0.6);
        Assert.Equal(61 * 788, summary.CacheBytesPerToken);
    }
}
