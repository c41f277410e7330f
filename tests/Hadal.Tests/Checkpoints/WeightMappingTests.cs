using Hadal.Checkpoints;
using Hadal.Tests.Model;

namespace Hadal.Tests.Checkpoints;

public sealed class WeightMappingTests
{
    [Fact]
    public void Both_forms_hold_the_same_bytes()
    {
        using var mapped = Checkpoint.Open(TestCheckpoints.RandomA);
        using var inMemory = Checkpoint.Open(
            TestCheckpoints.RandomA,
            new CheckpointOptions { Mapping = WeightMapping.InMemory }
        );
        Assert.Equal(mapped.Tensors.Keys.Order(), inMemory.Tensors.Keys.Order());
        foreach (string name in mapped.Tensors.Keys)
            Assert.True(mapped[name].Bytes.SequenceEqual(inMemory[name].Bytes), name);
    }

    [Fact]
    public void Use_after_dispose_is_refused_in_memory_too()
    {
        var checkpoint = Checkpoint.Open(
            TestCheckpoints.RandomV3,
            new CheckpointOptions { Mapping = WeightMapping.InMemory }
        );
        checkpoint.Dispose();
        checkpoint.Dispose();
        Assert.Throws<ObjectDisposedException>(() => checkpoint["lm_head.weight"].Bytes.Length);
    }

    [Fact]
    public void Reading_a_file_that_becomes_shorter_is_an_error()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("cut");
        File.WriteAllBytes(path, new byte[100]);
        using var file = File.OpenHandle(path);
        using (HostBuffer whole = FileBytes.Read(path, file, 100, default))
            Assert.Equal(100u, whole.ByteLength);
        var error = Assert.Throws<CheckpointException>(() =>
            FileBytes.Read(path, file, 120, default)
        );
        Assert.Contains(
            "had 120 bytes, but was cut to 100",
            error.Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Reading_can_be_cancelled()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("file"), new byte[100]);
        using var file = File.OpenHandle(folder.File("file"));
        Assert.Throws<OperationCanceledException>(() =>
            FileBytes.Read("file", file, 100, new CancellationToken(true))
        );
    }

    /// <summary>690 GB in sparse files.</summary>
    [Fact]
    public void More_than_the_host_has_free_is_refused_before_anything_is_read()
    {
        using TemporaryFolder folder = TestCheckpoints.WriteSparse(PublishedConfigs.V32, shards: 8);
        DeviceMemoryException error = Assert.Throws<DeviceMemoryException>(() =>
            Checkpoint.Open(folder.Path, new CheckpointOptions { Mapping = WeightMapping.InMemory })
        );
        Assert.Equal(690, error.NeededBytes / 1e9, 2.0);
        Assert.InRange(error.FreeBytes, 1, error.NeededBytes);
        Assert.Contains("WeightMapping.Mapped", error.Message, StringComparison.Ordinal);
    }
}
