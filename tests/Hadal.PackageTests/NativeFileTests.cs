using System.Text.RegularExpressions;

namespace Hadal.PackageTests;

/// <summary>The shipped libraries load widely and give nothing away: read by readelf, which comes with any compiler.</summary>
public sealed partial class NativeFileTests : IDisposable
{
    private static readonly Version GlibcFloor = new(2, 31);

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, string> Libraries { get; } =
        new() { { "linux-x64", "Advanced Micro Devices X86-64" }, { "linux-arm64", "AArch64" } };

    public static TheoryData<string> Rids { get; } = [.. Libraries.Select(row => row.Data.Item1)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Libraries))]
    public async Task A_library_loads_widely(string rid, string machine)
    {
        string library = Extract(rid);
        Assert.Contains(
            machine,
            await ReadAsync(library, "--file-header"),
            StringComparison.Ordinal
        );
        Version[] wanted =
        [
            .. Glibc()
                .Matches(await ReadAsync(library, "--version-info"))
                .Select(match => Version.Parse(match.Groups[1].Value)),
        ];
        Assert.NotEmpty(wanted);
        Assert.All(wanted, version => Assert.True(version <= GlibcFloor, $"GLIBC_{version}"));
        string[] needed =
        [
            .. Needed()
                .Matches(await ReadAsync(library, "--dynamic"))
                .Select(match => match.Groups[1].Value),
        ];
        // libstdc++ is inside; libgcc_s is what .NET wants itself.
        Assert.All(
            needed,
            name =>
                Assert.Matches(@"^(libc|libm|libdl|libpthread|libgcc_s|ld-linux.*)\.so\.\d$", name)
        );
    }

    [Theory]
    [MemberData(nameof(Rids))]
    public async Task A_library_is_hardened(string rid)
    {
        string library = Extract(rid);
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
    [MemberData(nameof(Rids))]
    public async Task A_library_exports_the_header_and_no_more(string rid)
    {
        string symbols = await ReadAsync(Extract(rid), "--dyn-syms");
        string[] exported =
        [
            .. Defined()
                .Matches(symbols)
                .Select(match => match.Groups[1].Value)
                .Order(StringComparer.Ordinal),
        ];
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

    private string Extract(string rid)
    {
        using Package package = Package.Open($"Hadal.Runtime.Cpu.{rid}");
        string file = _folder.File("libhadal.so");
        package.Extract($"runtimes/{rid}/native/libhadal.so", file);
        return file;
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

    [GeneratedRegex(@"(?:GLOBAL|WEAK) +\S+ +\d+ (\S+)")]
    private static partial Regex Defined();

    [GeneratedRegex(@"HD_API int32_t (hd_\w+)\(")]
    private static partial Regex Declared();
}
