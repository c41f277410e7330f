using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Hadal.Tests.Cli;

/// <summary>The tool as a process of its own, for what a process has alone: signals, closed streams, a terminal.</summary>
internal static class ToolProcess
{
    /// <summary>A command line for a shell that runs the tool; arguments follow it.</summary>
    public static string Hadal { get; } =
        $"'{Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet"))}' '{typeof(Hadal.Cli.Terminal).Assembly.Location}'";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>Starts a script of bash; its input stays open and gives nothing.</summary>
    public static Process Start(string script)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The shell is bash.");
        var start = new ProcessStartInfo("bash", ["-c", script])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }

    /// <summary>Runs a script of bash to its end; its input is empty.</summary>
    public static async Task<CliResult> RunAsync(string script)
    {
        using Process process = Start(script);
        process.StandardInput.Close();
        return await EndAsync(process);
    }

    /// <summary>Waits for its end, which must come within minutes.</summary>
    public static async Task<CliResult> EndAsync(Process process)
    {
        using var limit = new CancellationTokenSource(Limit);
        CancellationToken token = limit.Token;
        using CancellationTokenRegistration _ = token.Register(() =>
            process.Kill(entireProcessTree: true)
        );
        Task<string> output = process.StandardOutput.ReadToEndAsync(token);
        string error = await process.StandardError.ReadToEndAsync(token);
        await process.WaitForExitAsync(token);
        return new CliResult(process.ExitCode, await output, error);
    }
}
