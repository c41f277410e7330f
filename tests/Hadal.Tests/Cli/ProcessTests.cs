using System.Diagnostics;

namespace Hadal.Tests.Cli;

public sealed class ProcessTests
{
    private const string Endless = "generate 'And it came to pass' --seed 1 -n 1000 --ignore-eos";

    [Fact]
    public async Task AReaderThatIsGoneEndsGenerationQuietly()
    {
        CliResult result = await ToolProcess.RunAsync(
            $"{ToolProcess.Hadal} {Endless} | head -c 1; exit ${{PIPESTATUS[0]}}"
        );
        Assert.Equal(141, result.Status);
        // Figures would tell of an end.
        Assert.Equal("", result.Error);
        Assert.Single(result.Output);
    }

    [Theory]
    [InlineData("2>&-")]
    [InlineData("2>/dev/full")]
    [InlineData("<&-")]
    public async Task ResultsNeedNeitherInputNorErrorStream(string redirection)
    {
        CliResult result = await ToolProcess.RunAsync(
            $"{ToolProcess.Hadal} generate Hello -n 2 --temperature 0 {redirection}"
        );
        CliResult expected = await CliResult.RunAsync(
            "generate",
            "Hello",
            "-n",
            "2",
            "--temperature",
            "0"
        );
        Assert.Equal((0, expected.Output), (result.Status, result.Output));
    }

    [Theory]
    [InlineData(">&-", "closed")]
    [InlineData(">/dev/full", "No space left on device")]
    public async Task AnOutputThatTakesNothingIsAnError(string redirection, string reason) =>
        (await ToolProcess.RunAsync($"{ToolProcess.Hadal} tokenize x {redirection}")).MustRefuse(
            1,
            "the output",
            reason
        );

    [Fact]
    public async Task WithoutAnyStreamItStillEndsWithAStatus() =>
        Assert.Equal(
            1,
            (await ToolProcess.RunAsync($"{ToolProcess.Hadal} tokenize x <&- >&- 2>&-")).Status
        );

    [Theory]
    [InlineData("HUP", 129)]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public async Task ASignalCancelsAndSetsTheStatus(string signal, int status)
    {
        using Process process = ToolProcess.Start($"exec {ToolProcess.Hadal} {Endless}");
        var first = new char[1];
        await process.StandardOutput.ReadAsync(first, TestContext.Current.CancellationToken);
        Kill(process, signal);
        CliResult result = await ToolProcess.EndAsync(process);
        Assert.Equal((status, ""), (result.Status, result.Error));
        // Cancellation ends the line; a process that is killed does not.
        Assert.EndsWith("\n", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ASignalEndsTheWaitForInput()
    {
        using Process process = ToolProcess.Start($"exec {ToolProcess.Hadal} tokenize --json");
        // Signals are caught before the input is read, and the catcher's thread is shown by its name.
        string threads = $"/proc/{process.Id}/task";
        while (!Directory.GetDirectories(threads).Any(IsSignalThread))
            await Task.Delay(20, TestContext.Current.CancellationToken);
        Kill(process, "TERM");
        Assert.Equal(143, (await ToolProcess.EndAsync(process)).Status);

        static bool IsSignalThread(string thread) =>
            File.ReadAllText(Path.Combine(thread, "comm"))
                .Contains("SigHandler", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TERM=xterm NO_COLOR=", true)]
    [InlineData("TERM=xterm NO_COLOR=1", false)]
    [InlineData("TERM=dumb NO_COLOR=", false)]
    public async Task TheEnvironmentForbidsEscapeSequences(string environment, bool are)
    {
        foreach (
            string command in (string[])["generate Hello -n 1", "tokenize --help", "tokenize x"]
        )
        {
            CliResult result = await ToolProcess.RunAsync(
                $"{environment} script -qec \"{ToolProcess.Hadal} {command}\" /dev/null"
            );
            Assert.Equal(0, result.Status);
            // Tables and help have none at all.
            Assert.Equal(
                are && command.StartsWith("generate", StringComparison.Ordinal),
                result.Output.Contains('\e', StringComparison.Ordinal)
            );
        }
    }

    private static void Kill(Process process, string signal)
    {
        using Process kill = Process.Start("bash", ["-c", $"kill -{signal} {process.Id}"]);
        kill.WaitForExit();
    }
}
