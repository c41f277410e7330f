using System.Diagnostics;
using Hadal.Checkpoints;

namespace Hadal.Tests.Checkpoints;

/// <summary>Checkpoints of the same shapes are told apart.</summary>
public sealed class CheckpointFingerprintTests(ITestOutputHelper output)
{
    [Fact]
    public void Copy_is_the_same()
    {
        using TemporaryFolder copy = TemporaryFolder.CopyOf(Paths.EmbeddedModel);
        long start = Stopwatch.GetTimestamp();
        string expected = Of(Paths.EmbeddedModel);
        output.WriteLine($"{Stopwatch.GetElapsedTime(start).TotalMilliseconds:f1} ms with opening");
        Assert.Equal(expected, Of(copy.Path));
        Assert.Equal(expected, Of(Paths.EmbeddedModel, WeightMapping.InMemory));
        Assert.Matches("^[0-9a-f]{64}$", expected);
    }

    [Fact]
    public void Each_tensor_counts()
    {
        using TemporaryFolder copy = TemporaryFolder.CopyOf(Paths.EmbeddedModel);
        // Mapped, it shows what is written to its files.
        using Checkpoint checkpoint = Checkpoint.Open(copy.Path);
        string expected = new CheckpointFingerprint(checkpoint).Value;
        foreach (SafetensorsFile file in checkpoint.Files)
        {
            foreach (TensorView tensor in file.Tensors.Values)
            {
                long at = tensor.Offset + tensor.ByteLength / 2;
                Flip(file.Path, at);
                string changed = new CheckpointFingerprint(checkpoint).Value;
                Assert.True(expected != changed, tensor.Name);
                Flip(file.Path, at);
            }
        }
        Assert.Equal(expected, new CheckpointFingerprint(checkpoint).Value);
    }

    [Fact]
    public void Configuration_and_headers_count()
    {
        using TemporaryFolder copy = TemporaryFolder.CopyOf(Paths.EmbeddedModel);
        string expected = Of(copy.Path);
        File.AppendAllText(copy.File("config.json"), "\n");
        string other = Of(copy.Path);
        Assert.NotEqual(expected, other);

        // A name is not changed here, but white space after the header's object.
        string shard = Directory.GetFiles(copy.Path, "model-*.safetensors").Order().First();
        byte[] bytes = File.ReadAllBytes(shard);
        byte[] longer = [.. bytes];
        long length = BitConverter.ToInt64(bytes);
        BitConverter.TryWriteBytes(longer, length + 8);
        File.WriteAllBytes(
            shard,
            [
                .. longer.AsSpan(0, 8 + (int)length),
                .. "        "u8,
                .. bytes.AsSpan(8 + (int)length),
            ]
        );
        Assert.NotEqual(other, Of(copy.Path));
    }

    [Fact]
    public void It_is_known_after_the_checkpoints_disposal_where_its_files_are_held()
    {
        Checkpoint checkpoint = Checkpoint.Open(Paths.EmbeddedModel);
        using var lease = new CheckpointLease(checkpoint);
        var fingerprint = new CheckpointFingerprint(checkpoint);
        checkpoint.Dispose();
        Assert.Equal(Of(Paths.EmbeddedModel), fingerprint.Value);
    }

    private static string Of(string folder, WeightMapping mapping = WeightMapping.Mapped)
    {
        using Checkpoint checkpoint = Checkpoint.Open(
            folder,
            new CheckpointOptions { Mapping = mapping }
        );
        return new CheckpointFingerprint(checkpoint).Value;
    }

    private static void Flip(string path, long at)
    {
        using FileStream file = File.Open(path, FileMode.Open);
        file.Position = at;
        int value = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(value ^ 1));
    }
}
