using System.Runtime.InteropServices;

namespace Hadal.PackageTests;

/// <summary>A library that can't be loaded is one typed error that names every path tried, and why.</summary>
public sealed class FaultTests(FaultTests.Program program) : IClassFixture<FaultTests.Program>
{
    private static readonly string Rid =
        $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    [Fact]
    public async Task A_missing_library_is_named_at_every_place()
    {
        string error = await FailAsync(null);
        foreach (
            string place in (string[])
                ["libhadal.so", Path.Combine("runtimes", Rid, "native", "libhadal.so")]
        )
            Assert.Contains(
                $"{Path.Combine(program.Folder, place)}: ",
                error,
                StringComparison.Ordinal
            );
        Assert.Contains($"Hadal.Runtime.Cpu for {Rid}", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_given_file_is_the_only_one_tried()
    {
        string file = program.File("none", "libhadal.so");
        string error = await FailAsync(file);
        Assert.Contains($"Tried:\n  {file}: ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("runtimes", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_architecture_is_named()
    {
        string other = Rid == "linux-x64" ? "linux-arm64" : "linux-x64";
        using Package package = Package.Open($"Hadal.Runtime.Cpu.{other}");
        string file = program.File(other, "libhadal.so");
        package.Extract($"runtimes/{other}/native/libhadal.so", file);
        string error = await FailAsync(file);
        (string theirs, string ours) = Rid == "linux-x64" ? ("Arm64", "X64") : ("X64", "Arm64");
        Assert.Contains(
            $"{file}: is for {theirs}; this process is {ours}",
            error,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_file_that_is_no_library_is_refused()
    {
        string file = program.File("text.so");
        await File.WriteAllTextAsync(file, "no library", TestContext.Current.CancellationToken);
        Assert.Contains($"{file}: ", await FailAsync(file), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_is_refused()
    {
        // Unlike a file without permissions, a folder stops root too.
        string folder = program.File("folder.so");
        Directory.CreateDirectory(folder);
        Assert.Contains($"{folder}: ", await FailAsync(folder), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_version_is_named_with_ours()
    {
        string source = program.File("other.c");
        await File.WriteAllTextAsync(
            source,
            """
            #include <hadal.h>
            #include <string.h>
            int32_t hd_get_build_info(hd_build_info* info) {
              info->abi_version = HD_ABI_VERSION;
              strcpy(info->version, "9.9.9");
              strcpy(info->commit, "c0ffee");
              return HD_STATUS_OK;
            }
            """,
            TestContext.Current.CancellationToken
        );
        string library = program.File("libother.so");
        string include = Path.Combine(Repository.Root, "native", "include");
        await Command.SucceedAsync(
            program.Folder,
            Consumer.Environment,
            "gcc",
            ["-shared", "-fPIC", $"-I{include}", source, "-o", library]
        );
        string error = await FailAsync(library);
        Assert.Contains("version 9.9.9 (commit c0ffee", error, StringComparison.Ordinal);
        Assert.Contains($"version {Repository.Version} ", error, StringComparison.Ordinal);
    }

    private async Task<string> FailAsync(string? library)
    {
        var environment = new Dictionary<string, string?>(Consumer.Environment)
        {
            ["HADAL_LIBRARY"] = library,
        };
        Command run = await Command.RunAsync(
            program.Folder,
            environment,
            "dotnet",
            Path.Combine(program.Folder, "Consumer.dll")
        );
        Assert.NotEqual(0, run.Status);
        Assert.Contains("NativeLibraryException: ", run.Error, StringComparison.Ordinal);
        return run.Error;
    }

    /// <summary>A program without the library.</summary>
    public sealed class Program : IAsyncLifetime
    {
        private Consumer? _consumer;

        internal string Folder => Path.Combine(Built.Folder, "published");

        internal string File(params ReadOnlySpan<string> parts) =>
            Path.Combine([Built.Folder, .. parts]);

        /// <summary>The program, or a test skipped: a fixture can't skip one.</summary>
        private Consumer Built
        {
            get
            {
                Package.Open("Hadal.Bindings").Dispose();
                return _consumer!;
            }
        }

        public async ValueTask InitializeAsync()
        {
            if (!Package.Exists("Hadal.Bindings"))
                return;
            _consumer = new Consumer("Samples/RawKernels.cs", "Hadal.Bindings");
            await _consumer.DotnetAsync("publish", "-v", "q", "-o", Folder);
        }

        public ValueTask DisposeAsync()
        {
            _consumer?.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
