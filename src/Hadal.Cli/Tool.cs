using System.CommandLine;
using System.CommandLine.Invocation;
using Hadal.Cli.Commands;

namespace Hadal.Cli;

/// <summary>The tool <c>hadal</c>: runs a command line and gives its exit status.</summary>
internal static class Tool
{
    private const int Failure = 1;
    private const int WrongUsage = 2;

    /// <summary>What a shell gives for a program that Ctrl-C ended.</summary>
    private const int Interrupted = 130;

    public static async Task<int> RunAsync(
        IReadOnlyList<string> args,
        Terminal terminal,
        CancellationToken cancellationToken = default
    )
    {
        var root = new RootCommand(
            "DeepSeek-V3.2 from .NET: load a checkpoint, write with it, measure and compare it."
        )
        {
            new GenerateCommand(terminal),
            new ChatCommand(terminal),
            new InspectCommand(terminal),
            new TokenizeCommand(terminal),
            new PerplexityCommand(terminal),
            new TraceCommand(terminal),
            new DevicesCommand(terminal),
            new SynthCommand(terminal),
            new BenchCommand(terminal),
        };
        ParseResult result = root.Parse(args);
        if (result.Action is ParseErrorAction)
        {
            string command = result.CommandResult.Command.Name;
            return Report(
                $"{result.Errors[^1].Message} (hadal {(command == root.Name ? "" : command + " ")}--help tells the usage)",
                WrongUsage
            );
        }
        var configuration = new InvocationConfiguration
        {
            Output = terminal.Output,
            Error = terminal.Error,
            EnableDefaultExceptionHandler = false,
        };
        try
        {
            return await result.InvokeAsync(configuration, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return Interrupted;
        }
        catch (UsageException e)
        {
            return Report(e.Message, WrongUsage);
        }
        // A stack trace helps nobody at a terminal: whatever failed is named in one line.
        catch (Exception e)
        {
            bool expected = e is HadalException or IOException or UnauthorizedAccessException;
            return Report(expected ? e.Message : $"{e.GetType().Name}: {e.Message}", Failure);
        }

        int Report(string message, int status)
        {
            terminal.Output.Flush();
            terminal.Error.WriteLine($"hadal: {message}");
            return status;
        }
    }
}
