using System.Text.Json;

namespace Hadal.Tests.Cli;

/// <summary><c>--device external</c>, and what the options of other devices are refused by.</summary>
[Collection(nameof(WholeProcess))]
public sealed class ExternalDeviceOptionTests
{
    [Fact]
    public async Task ANamedBackendsDevicesAreListed()
    {
        using var backend = new MinimalBackend("minimal");
        CliResult result = await CliResult.RunAsync("devices", "--json");
        JsonElement external = result.Json.GetProperty("devices").EnumerateArray().Last();
        Assert.Equal("external:0", external.GetProperty("id").GetString());
        Assert.Equal("Minimal accelerator", external.GetProperty("name").GetString());
    }

    [Theory]
    [InlineData("external")]
    [InlineData("external:0")]
    public async Task AnOperationThatItLacksIsNamed(string device)
    {
        using var backend = new MinimalBackend("minimal");
        CliResult result = await CliResult.RunAsync("generate", "x", "--device", device);
        result.MustRefuse(1, "the minimal backend has no hd_");
    }

    [Fact]
    public async Task WhatADeviceCanNotIsWrongUsage()
    {
        using var backend = new MinimalBackend("older");
        string[] onIt = ["--device", "external"];
        (
            await CliResult.RunAsync(["generate", "x", "--activations", "float32", .. onIt])
        ).MustRefuse(2, "--activations float32", "Minimal accelerator (none)");
        (await CliResult.RunAsync(["bench", "--ops", .. onIt])).MustRefuse(
            2,
            "--ops",
            "Minimal accelerator (none)"
        );
        (await CliResult.RunAsync(["generate", "x", "--threads", "2", .. onIt])).MustRefuse(
            2,
            "--threads is for the CPU; --device is external"
        );
    }

    [Theory]
    [InlineData("externa")]
    [InlineData("external:")]
    [InlineData("external:-1")]
    [InlineData("cuda:x")]
    public async Task ADeviceThatIsNoneIsNamed(string device) =>
        (await CliResult.RunAsync("generate", "x", "--device", device)).MustRefuse(
            2,
            $"--device is '{device}'; it must be cpu, cuda, cuda:N, external or external:N"
        );
}
