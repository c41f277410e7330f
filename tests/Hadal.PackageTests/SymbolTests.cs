using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Hadal.PackageTests;

/// <summary>An address in a stripped library, as a crash reports it, is read with the symbols that are kept beside the packages.</summary>
public sealed partial class SymbolTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Package, library, an exported function and the folder of its source.</summary>
    public static TheoryData<string, string, string, string> Libraries { get; } =
        new()
        {
            { "Hadal.Runtime.Cpu.linux-x64", "libhadal.so", "hd_device_create", "native/abi/" },
            { "Hadal.Runtime.Cpu.linux-arm64", "libhadal.so", "hd_device_create", "native/abi/" },
            {
                "Hadal.Runtime.Cuda12.linux-x64",
                "libhadal-cuda.so",
                "hd_backend_query",
                "native/cuda/"
            },
        };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Libraries))]
    public async Task Symbols_lead_from_an_address_to_a_line(
        string id,
        string file,
        string function,
        string source
    )
    {
        string rid = id[(id.LastIndexOf('.') + 1)..];
        using (Package package = Package.Open(id))
            package.Extract($"runtimes/{rid}/native/{file}", _folder.File(file));
        string symbols = Path.Combine(Repository.Packages, "symbols", rid, $"{file}.debug");
        Assert.True(File.Exists(symbols), $"{symbols} is missing");
        Assert.Equal(await BuildIdAsync(_folder.File(file)), await BuildIdAsync(symbols));
        Assert.SkipUnless(
            rid.EndsWith(
                RuntimeInformation.ProcessArchitecture.ToString(),
                StringComparison.OrdinalIgnoreCase
            ),
            "addr2line reads the machine's own libraries alone."
        );
        string table = await RunAsync("readelf", "--wide", "--dyn-syms", _folder.File(file));
        string address = Regex
            .Match(table, $@"([0-9a-f]+) +\d+ FUNC .* {function}\n")
            .Groups[1]
            .Value;

        Assert.Contains("??:", await ReadAddressAsync(), StringComparison.Ordinal);
        // Beside the library, where debuggers look too.
        File.Copy(symbols, _folder.File($"{file}.debug"));
        string[] read = (await ReadAddressAsync()).Split('\n');
        Assert.Equal(function, read[0]);
        Assert.Matches($@"{source}[\w/.]+:[1-9]\d*", read[1]);

        Task<string> ReadAddressAsync() =>
            RunAsync("addr2line", "--functions", "--exe", _folder.File(file), address);
    }

    private async Task<string> BuildIdAsync(string file) =>
        BuildId().Match(await RunAsync("readelf", "--wide", "--notes", file)).Groups[1].Value
            is { Length: 40 } id
            ? id
            : throw new InvalidOperationException($"{file} has no build-id");

    private async Task<string> RunAsync(string program, params string[] arguments) =>
        (
            await Command.SucceedAsync(
                _folder.Path,
                new Dictionary<string, string?> { ["LC_ALL"] = "C" },
                program,
                arguments
            )
        ).Output;

    [GeneratedRegex("Build ID: ([0-9a-f]+)")]
    private static partial Regex BuildId();
}
