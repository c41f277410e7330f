using System.Runtime.InteropServices;

namespace Hadal.PackageTests;

public sealed class CTests
{
    [Fact]
    public async Task A_c_program_needs_the_header_alone()
    {
        string rid =
            $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
        using var folder = new TemporaryFolder();
        using Package package = Package.Open($"Hadal.Runtime.Cpu.{rid}");
        package.Extract($"runtimes/{rid}/native/libhadal.so", folder.File("libhadal.so"));
        package.Extract("include/hadal.h", folder.File("include", "hadal.h"));
        await Run(
            "gcc",
            "-std=c99",
            "-pedantic",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Iinclude",
            Path.Combine(Repository.Samples, "rms_norm.c"),
            "-o",
            "rms_norm",
            "-L.",
            "-lhadal",
            "-Wl,-rpath,$ORIGIN"
        );
        Command run = await Run(folder.File("rms_norm"));
        Assert.Equal("1.200 1.600 0.000 0.000", run.Output.TrimEnd());

        Task<Command> Run(string program, params string[] arguments) =>
            Command.SucceedAsync(folder.Path, Consumer.Environment, program, arguments);
    }
}
