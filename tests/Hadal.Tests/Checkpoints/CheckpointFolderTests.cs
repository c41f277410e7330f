using System.Diagnostics;
using Hadal.Checkpoints;

namespace Hadal.Tests.Checkpoints;

/// <summary>Folders as downloads and copies leave them.</summary>
public sealed class CheckpointFolderTests : IDisposable
{
    private const string Single = "model.safetensors";
    private const string Shard1 = "model-00001-of-00002.safetensors";
    private const string Shard2 = "model-00002-of-00002.safetensors";
    private const string LfsPointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 4302317\n";
    private const string Page = "<!DOCTYPE html>\n<html><body>Access denied</body></html>";

    private readonly TemporaryFolder _folder = TemporaryFolder.CopyOf(TestCheckpoints.RandomA);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_complete_index_wins_over_a_stray_file()
    {
        File.WriteAllText(_folder.File(Single), "left over");
        using var checkpoint = Checkpoint.Open(_folder.Path);
        Assert.Equal(2, checkpoint.Files.Count);
        Assert.StartsWith(
            $"{Single} is passed over",
            Assert.Single(checkpoint.Notes),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void One_file_wins_over_an_index_whose_shards_are_gone()
    {
        using TemporaryFolder merged = TestCheckpoints.Reshard(_folder.Path, _ => Single);
        File.Copy(_folder.File(TestCheckpoints.Index), merged.File(TestCheckpoints.Index), true);
        using var checkpoint = Checkpoint.Open(merged.Path);
        Assert.Single(checkpoint.Files);
        Assert.Contains(
            "is read instead",
            Assert.Single(checkpoint.Notes),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void An_index_may_name_the_one_file()
    {
        using TemporaryFolder merged = TestCheckpoints.Reshard(_folder.Path, _ => Single);
        using var checkpoint = Checkpoint.Open(merged.Path);
        Assert.Empty(checkpoint.Notes);
    }

    [Fact]
    public void Shards_without_an_index_are_told_of()
    {
        File.Delete(_folder.File(TestCheckpoints.Index));
        Assert.Contains("has 2 .safetensors files", Refusal(), StringComparison.Ordinal);
        Assert.Contains("download the index too", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_root_of_a_cache_names_its_snapshot()
    {
        using var root = new TemporaryFolder();
        string snapshots = root.File("snapshots");
        string main = Path.Combine(snapshots, "b1");
        Directory.CreateDirectory(Path.Combine(snapshots, "a0"));
        Directory.CreateDirectory(main);
        Directory.CreateDirectory(root.File("refs"));
        // The files of a snapshot are links.
        foreach (string file in Directory.GetFiles(_folder.Path))
        {
            File.CreateSymbolicLink(Path.Combine(main, Path.GetFileName(file)), file);
            File.CreateSymbolicLink(Path.Combine(snapshots, "a0", Path.GetFileName(file)), file);
        }
        File.WriteAllText(Path.Combine(root.File("refs"), "main"), "b1\n");
        string message = Assert
            .Throws<CheckpointException>(() => Checkpoint.Open(root.Path))
            .Message;
        Assert.EndsWith($"open its snapshot {main}", message, StringComparison.Ordinal);
        Checkpoint.Open(main).Dispose();
        File.Delete(Path.Combine(root.File("refs"), "main"));
        message = Assert.Throws<CheckpointException>(() => Checkpoint.Open(root.Path)).Message;
        Assert.Contains("open its snapshot", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("config.json", LfsPointer, "is a Git LFS pointer")]
    [InlineData(TestCheckpoints.Index, LfsPointer, "is a Git LFS pointer")]
    [InlineData(Shard2, LfsPointer, "is a Git LFS pointer")]
    [InlineData("config.json", Page, "is a web page")]
    [InlineData(TestCheckpoints.Index, "\n " + Page, "is a web page")]
    [InlineData(Shard2, Page, "is a web page")]
    [InlineData(Shard2, "Entry not found", "is no safetensors file")]
    [InlineData(Shard2, "", "is empty")]
    [InlineData("config.json", "", "is empty")]
    public void What_a_download_left_in_place_of_a_file_is_told(
        string name,
        string content,
        string message
    )
    {
        File.WriteAllText(_folder.File(name), content);
        Assert.Contains(name, Refusal(), StringComparison.Ordinal);
        Assert.Contains(message, Refusal(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4_000_000)]
    public void A_shard_cut_short_is_told(int cut)
    {
        using (FileStream file = File.OpenWrite(_folder.File(Shard1)))
            file.SetLength(file.Length - cut);
        long has = new FileInfo(_folder.File(Shard1)).Length;
        Assert.Contains(
            $"{Shard1}: has {has} bytes, its header tells of {has + cut}: it was cut short",
            Refusal(),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData(TestCheckpoints.Index)]
    [InlineData(Shard1)]
    public async Task A_pipe_or_device_is_refused_at_once(string name)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such files");
        string path = _folder.File(name);
        File.Delete(path);
        using (Process mkfifo = Process.Start("mkfifo", [path]))
            await mkfifo.WaitForExitAsync(TestContext.Current.CancellationToken);
        await MustRefuseAsync();
        File.Delete(path);
        File.CreateSymbolicLink(path, "/dev/zero");
        await MustRefuseAsync();

        async Task MustRefuseAsync()
        {
            string message = await Task.Run(Refusal, TestContext.Current.CancellationToken)
                .WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
            Assert.Contains(name, message, StringComparison.Ordinal);
            Assert.Contains("must be a regular file", message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData(Shard1)]
    public void A_folder_in_place_of_a_file_is_refused(string name)
    {
        File.Delete(_folder.File(name));
        Directory.CreateDirectory(_folder.File(name));
        Assert.Contains(name, Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void Long_files_are_not_read()
    {
        using (FileStream file = File.OpenWrite(_folder.File("config.json")))
            file.SetLength(1L << 40);
        Assert.Contains("must have at most 1048576", Refusal(), StringComparison.Ordinal);
    }

    private string Refusal() =>
        Assert.Throws<CheckpointException>(() => Checkpoint.Open(_folder.Path)).Message;
}
