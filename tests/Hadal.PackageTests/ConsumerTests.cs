using System.Runtime.InteropServices;

namespace Hadal.PackageTests;

/// <summary>A program that takes the packages decodes the embedded model, however it is published.</summary>
public sealed class ConsumerTests
{
    private static readonly string Rid =
        $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    private static readonly string[] Packages = ["Hadal", $"Hadal.Runtime.Cpu.{Rid}"];

    [Fact]
    public async Task Every_form_of_publishing_writes_the_same_text()
    {
        using var consumer = new Consumer("Samples/Streaming.cs", Packages);
        string written = await WriteAsync("plain", "Consumer");
        // Decoded words, not noise.
        Assert.True(written.Split(' ').Length > 10, written);
        Assert.All(
            written,
            character =>
                Assert.True(
                    char.IsAscii(character) && !char.IsControl(character) || character == '\n'
                )
        );

        Assert.Equal(
            written,
            await WriteAsync("rid", "Consumer", "-r", Rid, "--no-self-contained")
        );
        Assert.Equal(
            written,
            await WriteAsync(
                "single",
                "Consumer",
                "-r",
                Rid,
                "--self-contained",
                "-p:PublishSingleFile=true"
            )
        );
        Assert.Equal(
            written,
            await WriteAsync(
                "trimmed",
                "Consumer",
                "-r",
                Rid,
                "--self-contained",
                "-p:PublishTrimmed=true"
            )
        );
        Assert.Equal(
            written,
            await WriteAsync(
                "aot",
                "Consumer",
                "-r",
                Rid,
                "-p:PublishAot=true",
                "-p:CppCompilerAndLinker=gcc"
            )
        );

        async Task<string> WriteAsync(string name, string program, params string[] options)
        {
            string folder = Path.Combine(consumer.Folder, "published", name);
            // Warnings, those of the trimmer and the AOT compiler too, are errors in this project.
            await consumer.DotnetAsync(["publish", "-o", folder, "-v", "q", .. options]);
            Command run = await consumer.RunAsync(
                Path.Combine(folder, program),
                Repository.EmbeddedModel
            );
            Assert.Equal("", run.Error);
            return run.Output;
        }
    }

    [Theory]
    [InlineData("Samples/RawKernels.cs", "1.200 1.600 0.000 0.000")]
    [InlineData("Samples/Layer.cs", "64 64")]
    [InlineData("Programs/OpenAtExit.cs", "1048576")]
    public async Task A_program_runs(string program, string output)
    {
        using var consumer = new Consumer(program, "Hadal.Bindings", $"Hadal.Runtime.Cpu.{Rid}");
        Command run = await consumer.DotnetAsync("run", "-v", "q");
        Assert.Equal(output, run.Output.TrimEnd());
        Assert.Equal("", run.Error);
    }
}
