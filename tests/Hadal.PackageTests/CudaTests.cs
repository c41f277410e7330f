namespace Hadal.PackageTests;

/// <summary>
/// A program that takes the CUDA package. The package brings the real CUDA runtime; on the emulated device that of
/// tests/emulator comes before it by LD_LIBRARY_PATH, as ./build.sh test sets it.
/// </summary>
public sealed class CudaTests
{
    private const int NoDevice = 77;

    [Fact]
    public async Task A_program_writes_on_the_device_what_it_writes_on_the_cpu()
    {
        using var consumer = new Consumer(
            "Programs/OnCuda.cs",
            "Hadal",
            "Hadal.Runtime.Cuda12.linux-x64"
        );
        await consumer.DotnetAsync("publish", "-v", "q", "-o", "published");
        string published = Path.Combine(consumer.Folder, "published");
        Command run = await Command.RunAsync(
            consumer.Folder,
            // The package's own backend, wherever the tests of the checkout find theirs.
            new Dictionary<string, string?>(Consumer.Environment)
            {
                ["HADAL_BACKEND_PATH"] = null,
            },
            Path.Combine(published, "Consumer"),
            Repository.EmbeddedModel
        );
        Assert.SkipWhen(run.Status == NoDevice, $"no CUDA device: {run.Error}");
        Assert.True(run.Status == 0, run.Error);
        string[] lines = run.Output.TrimEnd('\n').Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.NotEqual("", lines[1].Trim());
        Assert.Equal(lines[2], lines[1]);
    }
}
