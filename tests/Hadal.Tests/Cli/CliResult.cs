using System.Text.Json;
using Hadal.Cli;

namespace Hadal.Tests.Cli;

/// <summary>What the tool did with a command line: run inside the test process, with captured streams.</summary>
internal sealed record CliResult(int Status, string Output, string Error)
{
    /// <summary>The output as the JSON object that it must be.</summary>
    public JsonElement Json => JsonDocument.Parse(Output).RootElement;

    public static Task<CliResult> RunAsync(params string[] args) => RunWithInputAsync(null, args);

    /// <param name="input">What the standard input gives; null for a keyboard that nobody types on.</param>
    /// <param name="args">The command line.</param>
    public static Task<CliResult> RunWithInputAsync(string? input, params string[] args) =>
        RunAsync(input, typed: "", isTerminal: false, takesEscapes: false, args);

    /// <summary>As on a terminal that both streams go to.</summary>
    /// <param name="takesEscapes">Whether the environment lets escape sequences be used.</param>
    /// <param name="args">The command line.</param>
    public static Task<CliResult> RunOnTerminalAsync(bool takesEscapes, params string[] args) =>
        RunAsync(null, typed: "", isTerminal: true, takesEscapes, args);

    /// <summary>As on a terminal whose keyboard is typed on.</summary>
    /// <param name="typed">The lines that are typed.</param>
    /// <param name="takesEscapes">Whether the environment lets escape sequences be used.</param>
    /// <param name="args">The command line.</param>
    public static Task<CliResult> RunAtKeyboardAsync(
        string typed,
        bool takesEscapes,
        params string[] args
    ) => RunAsync(null, typed, isTerminal: true, takesEscapes, args);

    private static async Task<CliResult> RunAsync(
        string? input,
        string typed,
        bool isTerminal,
        bool takesEscapes,
        string[] args
    )
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var terminal = new Terminal
        {
            Piped = input is null ? null : new StringReader(input),
            Keyboard = new StringReader(input ?? typed),
            Output = output,
            Error = error,
            IsWatched = isTerminal,
            IsInteractive = isTerminal,
            TakesEscapes = takesEscapes,
        };
        int status = await Tool.RunAsync(args, terminal, TestContext.Current.CancellationToken);
        return new CliResult(status, output.ToString(), error.ToString());
    }

    /// <summary>Asserts that the tool refused: the status, and one line on the error stream that says all of this.</summary>
    public void MustRefuse(int status, params string[] parts)
    {
        Assert.Equal(status, Status);
        Assert.Empty(Output);
        Assert.StartsWith("hadal: ", Error, StringComparison.Ordinal);
        Assert.Single(Error.TrimEnd('\n').Split('\n'));
        Assert.All(parts, part => Assert.Contains(part, Error, StringComparison.Ordinal));
    }
}
