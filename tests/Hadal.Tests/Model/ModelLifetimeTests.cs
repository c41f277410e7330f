using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Model;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Model;

/// <summary>A model's weights outlive the checkpoint that they came from, and end with the model.</summary>
public sealed class ModelLifetimeTests
{
    private static readonly string Source = TestModels.Folder("random-v3");
    private static readonly float[] Expected = ExpectedLogits();

    [Theory]
    [InlineData(WeightMapping.Mapped)]
    [InlineData(WeightMapping.InMemory)]
    public void Model_runs_on_after_its_checkpoints_disposal(WeightMapping mapping)
    {
        using Device device = Device.Cpu(2);
        Checkpoint checkpoint = Checkpoint.Open(
            Source,
            new CheckpointOptions { Mapping = mapping }
        );
        using DeepSeekModel first = DeepSeekModel.Load(checkpoint, device);
        using DeepSeekModel second = DeepSeekModel.Load(checkpoint, device);
        checkpoint.Dispose();
        Assert.Equal(Expected, Logits(first));
        first.Dispose();
        first.Dispose();
        Assert.Equal(Expected, Logits(second));
    }

    [Fact]
    public void Model_runs_on_after_the_disposal_of_one_of_the_files()
    {
        using Device device = Device.Cpu(2);
        using Checkpoint checkpoint = Checkpoint.Open(Source);
        using DeepSeekModel model = DeepSeekModel.Load(checkpoint, device);
        checkpoint.Files[0].Dispose();
        Assert.Equal(Expected, Logits(model));
        Assert.Throws<ObjectDisposedException>(() => DeepSeekModel.Load(checkpoint, device));
    }

    [Fact]
    public void A_disposed_checkpoint_is_not_loaded()
    {
        using Device device = Device.Cpu(1);
        Checkpoint checkpoint = Checkpoint.Open(TestCheckpoints.RandomA);
        checkpoint.Files[1].Dispose();
        Assert.Throws<ObjectDisposedException>(() => DeepSeekModel.Load(checkpoint, device));
        checkpoint.Dispose();
        Assert.Throws<ObjectDisposedException>(() => DeepSeekModel.Load(checkpoint, device));
    }

    [Fact]
    public void Files_are_unmapped_when_the_last_user_lets_go()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The maps are read from /proc.");
        using Device device = Device.Cpu(1);
        using var folder = TemporaryFolder.CopyOf(TestCheckpoints.RandomA);
        Checkpoint checkpoint = Checkpoint.Open(folder.Path);
        DeepSeekModel first = DeepSeekModel.Load(checkpoint, device);
        DeepSeekModel second = DeepSeekModel.Load(checkpoint, device);
        checkpoint.Dispose();
        first.Dispose();
        Assert.Equal(2, Maps(folder));
        second.Dispose();
        Assert.Equal(0, Maps(folder));

        // A load that fails holds nothing either.
        checkpoint = Checkpoint.Open(folder.Path);
        checkpoint.Files[1].Dispose();
        Assert.Throws<ObjectDisposedException>(() => DeepSeekModel.Load(checkpoint, device));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            DeepSeekModel.Load(checkpoint, device, new ModelOptions { MaxContextTokens = 1 << 20 })
        );
        Assert.Equal(1, Maps(folder));
        checkpoint.Dispose();
        Assert.Equal(0, Maps(folder));
    }

    [Fact]
    public void In_memory_weights_survive_files_that_are_cut()
    {
        using var folder = TemporaryFolder.CopyOf(Source);
        using Device device = Device.Cpu(2);
        using Checkpoint checkpoint = Checkpoint.Open(
            folder.Path,
            new CheckpointOptions { Mapping = WeightMapping.InMemory }
        );
        using DeepSeekModel model = DeepSeekModel.Load(checkpoint, device);
        using (FileStream file = File.OpenWrite(folder.File("model.safetensors")))
            file.SetLength(0);
        Assert.Equal(Expected, Logits(model));
        using DeepSeekModel after = DeepSeekModel.Load(checkpoint, device);
        Assert.Equal(Expected, Logits(after));
    }

    private static int Maps(TemporaryFolder folder) =>
        File.ReadLines("/proc/self/maps")
            .Where(line => line.Contains(folder.Path, StringComparison.Ordinal))
            .Select(line => line[line.IndexOf('/', StringComparison.Ordinal)..])
            .Distinct()
            .Count();

    private static float[] ExpectedLogits()
    {
        using DeepSeekModel model = TestModels.Load("random-v3");
        return Logits(model);
    }

    private static float[] Logits(DeepSeekModel model)
    {
        using PagedCache cache = model.CreateCache(128);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        return GoldenRun.Feed(model, batch, sequence, [.. Enumerable.Range(3, 40)]);
    }
}
