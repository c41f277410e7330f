using Hadal.Checkpoints;
using Hadal.Tensors;

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
        Assert.Equal(summary.WeightBytes, summary.MemoryNeeded(0));
        Assert.Equal(summary.WeightBytes + 64 * 4 * 788, summary.MemoryNeeded(1));
        Assert.Equal(summary.WeightBytes + 64 * 4 * 788, summary.MemoryNeeded(64));
        Assert.Equal(summary.WeightBytes + 128 * 4 * 788, summary.MemoryNeeded(65));
        Assert.Throws<ArgumentOutOfRangeException>(() => summary.MemoryNeeded(-1));
    }

    [Fact]
    public void A_V3_cache_has_no_index()
    {
        using var checkpoint = Checkpoint.Open(TestCheckpoints.RandomV3);
        Assert.Equal(2 * 1152, new CheckpointSummary(checkpoint).CacheBytesPerToken);
    }
}
