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

    [Fact]
    public async Task A_foreign_cmake_project_finds_the_installed_library()
    {
        string build = Path.Combine(Repository.Root, "out", "release");
        Assert.SkipUnless(
            File.Exists(Path.Combine(build, "native", "libhadal.so")),
            $"{build} has no library: dotnet build makes it."
        );
        using var folder = new TemporaryFolder();
        await Cmake("--install", build, "--prefix", folder.File("first"));
        // An installed tree may be moved.
        Directory.Move(folder.File("first"), folder.File("installed"));
        File.Copy(Path.Combine(Repository.Samples, "rms_norm.c"), folder.File("rms_norm.c"));
        Command found = await Configure(Repository.Version);
        Assert.True(found.Status == 0, found.Error);
        await Cmake("--build", "build");
        Command run = await Command.SucceedAsync(
            folder.Path,
            Consumer.Environment,
            folder.File("build", "rms_norm")
        );
        Assert.Equal("1.200 1.600 0.000 0.000", run.Output.TrimEnd());

        Command refused = await Configure("9.9");
        Assert.NotEqual(0, refused.Status);
        Assert.Contains($"version: {Repository.Version}", refused.Error, StringComparison.Ordinal);

        Task<Command> Configure(string version)
        {
            File.WriteAllText(
                folder.File("CMakeLists.txt"),
                $"""
                cmake_minimum_required(VERSION 3.25)
                project(foreign LANGUAGES C)
                find_package(hadal {version} CONFIG REQUIRED)
                add_executable(rms_norm rms_norm.c)
                target_link_libraries(rms_norm PRIVATE hadal::hadal)
                """
            );
            return Command.RunAsync(
                folder.Path,
                Consumer.Environment,
                "cmake",
                "-B",
                "build",
                $"-DCMAKE_PREFIX_PATH={folder.File("installed")}"
            );
        }

        Task<Command> Cmake(params string[] arguments) =>
            Command.SucceedAsync(folder.Path, Consumer.Environment, "cmake", arguments);
    }
}
