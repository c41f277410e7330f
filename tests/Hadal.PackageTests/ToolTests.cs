using System.Text.Json;

namespace Hadal.PackageTests;

public sealed class ToolTests
{
    private const int LargestPackage = 30 << 20;

    public static TheoryData<string, string> Runtimes { get; } =
        new()
        {
            { "linux-arm64", "libhadal.so" },
            { "linux-x64", "libhadal.so" },
            { "win-x64", "hadal.dll" },
        };

    [Theory]
    [MemberData(nameof(Runtimes))]
    public void A_package_of_the_tool_is_small_and_for_one_runtime(string rid, string library)
    {
        string id = $"Hadal.Cli.{rid}";
        using Package package = Package.Open(id);
        Assert.InRange(new FileInfo(Package.PathOf(id, "nupkg")).Length, 1, LargestPackage);
        string folder = $"tools/net10.0/{rid}/";
        Assert.Contains($"{folder}runtimes/{rid}/native/{library}", package.Entries);
        Assert.Single(
            package.Entries,
            entry => entry.Contains("/runtimes/", StringComparison.Ordinal)
        );
        Assert.All(
            package.Entries.Where(entry => entry.StartsWith("tools/", StringComparison.Ordinal)),
            entry => Assert.StartsWith(folder, entry, StringComparison.Ordinal)
        );
        // The package that is installed by name leads to this one.
        using Package tool = Package.Open("Hadal.Cli");
        Assert.Contains(
            $"RuntimeIdentifier=\"{rid}\" Id=\"{id}\"",
            tool.Read("tools/any/any/DotnetToolSettings.xml"),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task The_tool_installs_from_the_folder_and_writes()
    {
        using var consumer = new Consumer("Samples/Streaming.cs", "Hadal.Cli");
        await consumer.InstallToolAsync();
        Command devices = await consumer.RunAsync(consumer.Tool, "devices", "--json");
        JsonElement cpu = JsonDocument
            .Parse(devices.Output)
            .RootElement.GetProperty("devices")
            .EnumerateArray()
            .First();
        Assert.True(cpu.GetProperty("usable").GetBoolean(), devices.Output);
        Command text = await consumer.RunAsync(
            consumer.Tool,
            "generate",
            "--max-tokens",
            "20",
            "In the beginning"
        );
        Assert.True(text.Output.Split(' ').Length > 5, text.Output);
    }
}
