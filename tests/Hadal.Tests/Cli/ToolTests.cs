namespace Hadal.Tests.Cli;

public sealed class ToolTests
{
    [Fact]
    public async Task NoCommandIsWrongUsage() =>
        (await CliResult.RunAsync()).MustRefuse(2, "--help");

    [Fact]
    public async Task AnUnknownCommandIsWrongUsage() =>
        (await CliResult.RunAsync("generat")).MustRefuse(2, "generat");

    [Fact]
    public async Task HelpNamesEveryCommand()
    {
        CliResult result = await CliResult.RunAsync("--help");
        Assert.Equal(0, result.Status);
        Assert.All(
            ["generate", "chat", "inspect", "tokenize", "perplexity", "trace", "devices", "pull"],
            command => Assert.Contains(command, result.Output, StringComparison.Ordinal)
        );
    }
}
