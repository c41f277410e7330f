namespace Hadal.PackageTests;

public sealed class PackageTests
{
    /// <summary>Each package, and those of this repository that it wants.</summary>
    public static TheoryData<string, string> Packages { get; } =
        new()
        {
            { "Hadal", "Hadal.Bindings" },
            { "Hadal.Bindings", "" },
            { "Hadal.Cli", "" },
            { "Hadal.Cli.linux-arm64", "" },
            { "Hadal.Cli.linux-x64", "" },
            { "Hadal.Cli.win-x64", "" },
            { "Hadal.Extensions.AI", "Hadal" },
            { "Hadal.Server", "Hadal Hadal.Extensions.AI" },
            { "Hadal.Runtime.Cpu.linux-arm64", "Hadal.Bindings" },
            { "Hadal.Runtime.Cpu.linux-x64", "Hadal.Bindings" },
            { "Hadal.Runtime.Cpu.win-x64", "Hadal.Bindings" },
            { "Hadal.Runtime.Cuda12.linux-x64", "Hadal.Bindings Hadal.Runtime.Cpu.linux-x64" },
        };

    [Theory]
    [MemberData(nameof(Packages))]
    public void A_package_tells_what_it_is_and_pins_its_like(string id, string dependencies)
    {
        using Package package = Package.Open(id);
        Assert.Contains("README.md", package.Entries);
        Assert.Contains("LICENSE", package.Entries);
        Assert.Contains("THIRD-PARTY-NOTICES.txt", package.Entries);
        Assert.Contains("sbom.cdx.json", package.Entries);
        Assert.All(
            (string[])["description", "readme", "license", "repository"],
            name => Assert.Contains(package.Metadata.Elements(), e => e.Name.LocalName == name)
        );
        Assert.Equal(
            dependencies
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .ToDictionary(name => name, _ => $"[{Repository.Version}]"),
            package.OwnDependencies()
        );
    }

    [Fact]
    public void All_packages_are_tested()
    {
        Package.Open("Hadal").Dispose();
        Assert.Subset(
            Packages.Select(row => row.Data.Item1).ToHashSet(),
            Directory
                .GetFiles(Repository.Packages, "*.nupkg")
                .Select(file =>
                    Path.GetFileName(file)
                        .Replace($".{Repository.Version}.nupkg", "", StringComparison.Ordinal)
                )
                .ToHashSet()
        );
    }

    [Theory]
    [InlineData("Hadal")]
    [InlineData("Hadal.Bindings")]
    [InlineData("Hadal.Extensions.AI")]
    [InlineData("Hadal.Server")]
    public void A_library_has_its_documentation_and_symbols(string id)
    {
        using Package package = Package.Open(id);
        Assert.Equal(
            [$"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml"],
            package
                .Entries.Where(entry => entry.StartsWith("lib/", StringComparison.Ordinal))
                .Order()
        );
        Assert.True(File.Exists(Package.PathOf(id, "snupkg")));
    }

    [Theory]
    [InlineData("Hadal.Runtime.Cpu.linux-arm64", "linux-arm64/native/libhadal.so")]
    [InlineData("Hadal.Runtime.Cpu.linux-x64", "linux-x64/native/libhadal.so")]
    [InlineData("Hadal.Runtime.Cpu.win-x64", "win-x64/native/hadal.dll")]
    [InlineData(
        "Hadal.Runtime.Cuda12.linux-x64",
        "linux-x64/native/libcudart.so.12 linux-x64/native/libhadal-cuda.so"
    )]
    public void A_runtime_has_its_native_files_and_no_others(string id, string files)
    {
        using Package package = Package.Open(id);
        Assert.Equal(
            files.Split(' ').Select(file => $"runtimes/{file}"),
            package
                .Entries.Where(entry => entry.StartsWith("runtimes/", StringComparison.Ordinal))
                .Order()
        );
        Assert.DoesNotContain(
            package.Entries,
            entry =>
                entry.EndsWith(".dll", StringComparison.Ordinal)
                && !files.Contains("win-x64", StringComparison.Ordinal)
        );
    }
}
