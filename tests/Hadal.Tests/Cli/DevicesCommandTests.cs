using System.Text.Json;

namespace Hadal.Tests.Cli;

public sealed class DevicesCommandTests
{
    [Fact]
    public async Task TheProcessorIsListedWithItsKernels()
    {
        CliResult result = await CliResult.RunAsync("devices", "--json");
        Assert.Equal(0, result.Status);
        JsonElement cpu = result.Json.GetProperty("devices").EnumerateArray().First();
        Assert.Equal("cpu", cpu.GetProperty("id").GetString());
        Assert.True(cpu.GetProperty("usable").GetBoolean());
        using Device device = Device.Cpu();
        Assert.Equal(device.Isa, cpu.GetProperty("isa").GetString());
        Assert.Equal(device.ThreadCount, cpu.GetProperty("threads").GetInt32());
        Assert.Equal(device.MemoryBytes, cpu.GetProperty("memory_bytes").GetInt64());
    }

    [Fact]
    public async Task EveryDeviceIsUsableOrTellsWhyNot()
    {
        CliResult result = await CliResult.RunAsync("devices", "--json");
        JsonElement[] devices = [.. result.Json.GetProperty("devices").EnumerateArray()];
        Assert.Contains(devices, device => device.GetProperty("id").GetString() == "cuda:0");
        Assert.All(
            devices.Where(device => !device.GetProperty("usable").GetBoolean()),
            device => Assert.NotEqual("", device.GetProperty("why_not").GetString())
        );
        CliResult people = await CliResult.RunAsync("devices");
        Assert.All(
            devices,
            device =>
                Assert.Contains(
                    device.GetProperty("id").GetString()!,
                    people.Output,
                    StringComparison.Ordinal
                )
        );
    }
}
