namespace Hadal.PackageTests;

/// <summary>The program that makes the papers, with files made for it: src/Hadal.Papers.</summary>
public sealed class PapersProgramTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public PapersProgramTests()
    {
        File.WriteAllText(
            _folder.File("bom.json"),
            """
            {
              "bomFormat": "CycloneDX",
              "metadata": { "component": { "bom-ref": "it", "name": "It", "version": "1.0" } }
            }
            """
        );
        File.WriteAllBytes(_folder.File("libit.so"), [0x7f, .. "ELF anything"u8]);
        File.WriteAllText(
            _folder.File("contents.txt"),
            $"{_folder.File("libit.so")}|native/libit.so\n"
        );
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_binary_that_no_notice_names_is_refused()
    {
        Command made = await MakeAsync();
        Assert.Equal(1, made.Status);
        Assert.Contains("native/libit.so", made.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.File("sbom.cdx.json")));
    }

    [Fact]
    public async Task A_linked_archive_that_no_notice_names_is_refused()
    {
        Link("native/own.o /usr/lib/gcc/x86_64-linux-gnu/12/libstdc++.a /usr/lib/libmystery.a");
        Command made = await MakeAsync();
        Assert.Equal(1, made.Status);
        Assert.Contains("/usr/lib/libmystery.a", made.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        "/usr/lib/gcc/x86_64-linux-gnu/12/libstdc++.a /usr/lib/libc.so /lib/libc.so.6",
        "GCC"
    )]
    [InlineData("native/cuda/upstream/libhadal-upstream.a", "FlashMLA DeepGEMM CUTLASS libcu++")]
    [InlineData(
        "/usr/lib/gcc/x86_64-w64-mingw32/12-posix/libstdc++.a /usr/x86_64-w64-mingw32/lib/libwinpthread.a "
            + "/usr/x86_64-w64-mingw32/lib/dllcrt2.o /usr/x86_64-w64-mingw32/lib/libkernel32.a",
        "GCC winpthreads mingw-w64"
    )]
    public async Task What_was_linked_is_named(string inputs, string names)
    {
        Link($"native/own.o {inputs}");
        Command made = await MakeAsync();
        Assert.True(made.Status == 0, made.Error);
        string[] lines = File.ReadAllLines(_folder.File("THIRD-PARTY-NOTICES.txt"));
        string bill = await File.ReadAllTextAsync(
            _folder.File("sbom.cdx.json"),
            TestContext.Current.CancellationToken
        );
        Assert.All(
            names.Split(' '),
            name =>
            {
                Assert.Contains(lines, line => line.StartsWith(name, StringComparison.Ordinal));
                Assert.Contains($"\"name\": \"{name}", bill, StringComparison.Ordinal);
            }
        );
        Assert.Equal(names.Split(' ').Length, lines.Count(line => line == "In: native/libit.so"));
    }

    private void Link(string inputs) =>
        File.WriteAllText(
            _folder.File("libit.so.link.d"),
            $"native/libit.so: {inputs.Replace(" ", " \\\n  ", StringComparison.Ordinal)}\n\nnative/own.o:\n"
        );

    private Task<Command> MakeAsync() =>
        Command.RunAsync(
            _folder.Path,
            Repository.BuildEnvironment,
            "dotnet",
            Path.Combine(AppContext.BaseDirectory, "Hadal.Papers.dll"),
            "It",
            "1.0",
            "open",
            _folder.File("nuget"),
            _folder.Path
        );
}
