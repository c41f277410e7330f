using System.Security.Cryptography;
using System.Text.Json;

namespace Hadal.PackageTests;

/// <summary>Each package tells what of others it carries, and every binary that it holds.</summary>
public sealed class PapersTests
{
    private const string Notices = "THIRD-PARTY-NOTICES.txt";
    private const string Bill = "sbom.cdx.json";

    public static TheoryData<string> Packages { get; } =
    [.. PackageTests.Packages.Select(row => row.Data.Item1)];

    [Theory]
    [MemberData(nameof(Packages))]
    public void Every_binary_is_named_by_a_notice(string id)
    {
        using Package package = Package.Open(id);
        HashSet<string> named =
        [
            .. package
                .Read(Notices)
                .Split('\n')
                .Where(line => line.StartsWith("In: ", StringComparison.Ordinal))
                .Select(line => line[4..]),
        ];
        // Our own assemblies hold nothing of others; our native libraries hold their compiler's runtime.
        Assert.All(
            Binaries(package).Where(path => !IsOwnAssembly(path)),
            path => Assert.Contains(path, named)
        );
        Assert.All(named, path => Assert.Contains(path, package.Entries));
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void The_bill_of_materials_has_every_binary_by_its_hash(string id)
    {
        using Package package = Package.Open(id);
        using JsonDocument bill = JsonDocument.Parse(package.Read(Bill));
        JsonElement root = bill.RootElement;
        Assert.Equal("CycloneDX", root.GetProperty("bomFormat").GetString());
        JsonElement subject = root.GetProperty("metadata").GetProperty("component");
        Assert.Equal(
            $"pkg:nuget/{id}@{Repository.Version}",
            subject.GetProperty("purl").GetString()
        );
        JsonElement[] components = [.. root.GetProperty("components").EnumerateArray()];
        Dictionary<string, string> files = components
            .Where(component => component.GetProperty("type").GetString() == "file")
            .ToDictionary(
                component => component.GetProperty("name").GetString()!,
                component => component.GetProperty("hashes")[0].GetProperty("content").GetString()!
            );
        Assert.Equal(
            Binaries(package)
                .ToDictionary(
                    path => path,
                    path => Convert.ToHexStringLower(SHA256.HashData(package.Bytes(path)))
                ),
            files
        );
        // What the notices name, and what the package wants.
        string[] names =
        [
            .. components.Select(component => component.GetProperty("name").GetString()!),
        ];
        Assert.All(package.OwnDependencies().Keys, name => Assert.Contains(name, names));
        HashSet<string> refs =
        [
            subject.GetProperty("bom-ref").GetString()!,
            .. components.Select(component => component.GetProperty("bom-ref").GetString()!),
        ];
        Assert.Equal(components.Length + 1, refs.Count);
        Assert.All(
            root.GetProperty("dependencies")
                .EnumerateArray()
                .SelectMany(dependency =>
                    dependency
                        .GetProperty("dependsOn")
                        .EnumerateArray()
                        .Append(dependency.GetProperty("ref"))
                ),
            reference => Assert.Contains(reference.GetString()!, refs)
        );
    }

    [Theory]
    [InlineData("Hadal.Cli.linux-x64", "ScottPlot SkiaSharp HarfBuzzSharp libpng FreeType GCC")]
    [InlineData("Hadal.Runtime.Cpu.linux-x64", "GCC")]
    [InlineData("Hadal.Runtime.Cpu.linux-arm64", "GCC")]
    [InlineData("Hadal.Runtime.Cpu.win-x64", "GCC winpthreads mingw-w64")]
    [InlineData("Hadal.Runtime.Cuda12.linux-x64", "GCC libcudart Attachment")]
    public void Notices_name_what_is_known_to_be_inside(string id, string names)
    {
        using Package package = Package.Open(id);
        string notices = package.Read(Notices);
        Assert.All(
            names.Split(' '),
            name => Assert.Contains(name, notices, StringComparison.OrdinalIgnoreCase)
        );
    }

    [Fact]
    public void The_cuda_package_has_a_licence_of_its_own()
    {
        using Package package = Package.Open("Hadal.Runtime.Cuda12.linux-x64");
        var license = package.Metadata.Elements().Single(e => e.Name.LocalName == "license");
        Assert.Equal("file", license.Attribute("type")!.Value);
        string text = package.Read(license.Value);
        Assert.Contains("MIT License", text, StringComparison.Ordinal);
        Assert.Contains("libcudart.so.12", text, StringComparison.Ordinal);
        Assert.Contains("End User License Agreement", text, StringComparison.Ordinal);
    }

    private static bool IsOwnAssembly(string path) =>
        Path.GetFileName(path) is var name
        && name != "hadal.dll"
        && (name == "Hadal.dll" || name.StartsWith("Hadal.", StringComparison.Ordinal));

    /// <summary>By their first bytes: ELF and PE.</summary>
    private static IEnumerable<string> Binaries(Package package) =>
        package
            .Entries.Where(path =>
                package.Bytes(path).AsSpan() is var bytes
                && (bytes.StartsWith("\u007fELF"u8) || bytes.StartsWith("MZ"u8))
            )
            .Order(StringComparer.Ordinal);
}
