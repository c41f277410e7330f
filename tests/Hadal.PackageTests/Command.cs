using System.Diagnostics;

namespace Hadal.PackageTests;

/// <summary>What a program that ran to its end said.</summary>
internal sealed record Command(int Status, string Output, string Error)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    public static async Task<Command> RunAsync(
        string folder,
        IReadOnlyDictionary<string, string?> environment,
        string program,
        params string[] arguments
    )
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string? value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} did not end.");
        }
        return new Command(process.ExitCode, await output, await error);
    }

    public static async Task<Command> SucceedAsync(
        string folder,
        IReadOnlyDictionary<string, string?> environment,
        string program,
        params string[] arguments
    )
    {
        Command result = await RunAsync(folder, environment, program, arguments);
        Assert.True(
            result.Status == 0,
            $"{program} {string.Join(' ', arguments)} ended with {result.Status}\n{result.Output}\n{result.Error}"
        );
        return result;
    }
}
