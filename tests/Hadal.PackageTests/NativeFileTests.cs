using System.Text;
using System.Text.RegularExpressions;

namespace Hadal.PackageTests;

/// <summary>The shipped libraries load widely and give nothing away: read by readelf, which comes with any compiler.</summary>
public sealed partial class NativeFileTests : IDisposable
{
    private static readonly Version GlibcFloor = new(2, 31);

    private readonly TemporaryFolder _folder = new();

    /// <summary>Package, library and machine.</summary>
    public static TheoryData<string, string, string> Libraries { get; } =
        new()
        {
            { "Hadal.Runtime.Cpu.linux-x64", "libhadal.so", "Advanced Micro Devices X86-64" },
            { "Hadal.Runtime.Cpu.linux-arm64", "libhadal.so", "AArch64" },
            {
                "Hadal.Runtime.Cuda12.linux-x64",
                "libhadal-cuda.so",
                "Advanced Micro Devices X86-64"
            },
        };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Libraries))]
    public async Task A_library_loads_widely(string id, string file, string machine)
    {
        string library = Extract(id, file);
        Assert.Contains(
            machine,
            await ReadAsync(library, "--file-header"),
            StringComparison.Ordinal
        );
        await AssertGlibcAsync(library);
        string dynamic = await ReadAsync(library, "--dynamic");
        string[] needed = [.. Needed().Matches(dynamic).Select(match => match.Groups[1].Value)];
        // libstdc++ is inside; libgcc_s is what .NET wants itself; the CUDA runtime lies beside its library.
        Assert.All(
            needed,
            name =>
                Assert.Matches(
                    @"^(libc|libm|libdl|libpthread|libgcc_s|ld-linux.*|libcudart)\.so\.\d+$",
                    name
                )
        );
        bool isCuda = file == "libhadal-cuda.so";
        Assert.Equal(isCuda, needed.Contains("libcudart.so.12"));
        Assert.Equal(
            isCuda ? ["$ORIGIN"] : [],
            RunPath().Matches(dynamic).Select(match => match.Groups[1].Value)
        );
    }

    [Fact]
    public async Task The_cuda_runtime_loads_as_widely()
    {
        string runtime = Extract("Hadal.Runtime.Cuda12.linux-x64", "libcudart.so.12");
        await AssertGlibcAsync(runtime);
        Assert.Contains(
            "Library soname: [libcudart.so.12]",
            await ReadAsync(runtime, "--dynamic"),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public async Task A_library_is_hardened(string id, string file, string machine)
    {
        _ = machine;
        string library = Extract(id, file);
        string segments = await ReadAsync(library, "--segments");
        Assert.Matches(@"GNU_STACK +\S+ \S+ \S+ \S+ \S+ RW +0x", segments);
        Assert.Contains("GNU_RELRO", segments, StringComparison.Ordinal);
        Assert.Contains(
            "BIND_NOW",
            await ReadAsync(library, "--dynamic"),
            StringComparison.Ordinal
        );
        Assert.DoesNotContain(
            ".symtab",
            await ReadAsync(library, "--sections"),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public async Task A_library_exports_its_interface_and_no_more(
        string id,
        string file,
        string machine
    )
    {
        _ = machine;
        string symbols = await ReadAsync(Extract(id, file), "--dyn-syms");
        string[] exported =
        [
            .. Defined()
                .Matches(symbols)
                .Select(match => match.Groups[1].Value)
                .Order(StringComparer.Ordinal),
        ];
        if (file == "libhadal-cuda.so")
        {
            Assert.Equal(["hd_backend_query"], exported);
            return;
        }
        string header = await File.ReadAllTextAsync(
            Path.Combine(Repository.Root, "native", "include", "hadal.h"),
            TestContext.Current.CancellationToken
        );
        Assert.Equal(
            Declared()
                .Matches(header)
                .Select(match => match.Groups[1].Value)
                .Order(StringComparer.Ordinal),
            exported
        );
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void A_library_does_not_tell_where_it_was_made(string id, string file, string machine)
    {
        _ = machine;
        string content = File.ReadAllText(Extract(id, file), Encoding.Latin1);
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        Assert.DoesNotContain(Repository.Root, content, StringComparison.Ordinal);
        Assert.DoesNotContain($"{home}/", content, StringComparison.Ordinal);
    }

    private async Task AssertGlibcAsync(string library)
    {
        Version[] wanted =
        [
            .. Glibc()
                .Matches(await ReadAsync(library, "--version-info"))
                .Select(match => Version.Parse(match.Groups[1].Value)),
        ];
        Assert.NotEmpty(wanted);
        Assert.All(wanted, version => Assert.True(version <= GlibcFloor, $"GLIBC_{version}"));
    }

    private string Extract(string id, string file)
    {
        using Package package = Package.Open(id);
        string library = _folder.File(file);
        string rid = id[(id.LastIndexOf('.') + 1)..];
        package.Extract($"runtimes/{rid}/native/{file}", library);
        return library;
    }

    private async Task<string> ReadAsync(string library, string what) =>
        (
            await Command.SucceedAsync(
                _folder.Path,
                new Dictionary<string, string?> { ["LC_ALL"] = "C" },
                "readelf",
                "--wide",
                what,
                library
            )
        ).Output;

    [GeneratedRegex(@"Name: GLIBC_(\d+\.\d+)")]
    private static partial Regex Glibc();

    [GeneratedRegex(@"\(NEEDED\).*\[(.*)\]")]
    private static partial Regex Needed();

    [GeneratedRegex(@"\((?:RUNPATH|RPATH)\).*\[(.*)\]")]
    private static partial Regex RunPath();

    [GeneratedRegex(@"(?:GLOBAL|WEAK) +\S+ +\d+ (\S+)")]
    private static partial Regex Defined();

    [GeneratedRegex(@"HD_API int32_t (hd_\w+)\(")]
    private static partial Regex Declared();
}
