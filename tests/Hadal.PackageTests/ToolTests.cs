using System.Text.Json;

namespace Hadal.PackageTests;

public sealed class ToolTests
{
    [Fact]
    public async Task The_tool_installs_from_the_folder_and_writes()
    {
        using var consumer = new Consumer("Samples/Streaming.cs", "Hadal.Cli");
        await consumer.DotnetAsync(
            "tool",
            "install",
            "Hadal.Cli",
            "--version",
            Repository.Version,
            "--tool-path",
            "tools"
        );
        string tool = Path.Combine(consumer.Folder, "tools", "hadal");
        Command devices = await consumer.RunAsync(tool, "devices", "--json");
        JsonElement cpu = JsonDocument
            .Parse(devices.Output)
            .RootElement.GetProperty("devices")
            .EnumerateArray()
            .First();
        Assert.True(cpu.GetProperty("usable").GetBoolean(), devices.Output);
        Command text = await consumer.RunAsync(
            tool,
            "generate",
            "--max-tokens",
            "20",
            "In the beginning"
        );
        Assert.True(text.Output.Split(' ').Length > 5, text.Output);
    }
}
