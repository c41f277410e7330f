using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Hadal.Checkpoints;
using Hadal.Cli.Commands;
using Hadal.Cli.Posix;

namespace Hadal.Cli;

/// <summary>The tool <c>hadal</c>: runs a command line and gives its exit status.</summary>
internal static class Tool
{
    /// <summary>The commands and their options.</summary>
    public static RootCommand Commands(Terminal terminal)
    {
        var root = new RootCommand(
            "DeepSeek-V3.2 from .NET: load a checkpoint, write with it, measure and compare it."
        )
        {
            new GenerateCommand(terminal),
            new ChatCommand(terminal),
            new ServeCommand(terminal),
            new InspectCommand(terminal),
            new TokenizeCommand(terminal),
            new RenderCommand(terminal),
            new PerplexityCommand(terminal),
            new TraceCommand(terminal),
            new DevicesCommand(terminal),
            new SynthCommand(terminal),
            new PullCommand(terminal),
            new BenchCommand(terminal),
        };
        if (terminal.IsInteractive)
        {
            foreach (HelpOption option in root.Options.OfType<HelpOption>())
                ((HelpAction)option.Action!).MaxWidth = terminal.Width;
        }
        return root;
    }

    /// <returns>One of <see cref="ExitStatus"/>, or 0; <see cref="ExitStatus.Interrupted"/> where it was cancelled.</returns>
    public static async Task<int> RunAsync(
        IReadOnlyList<string> args,
        Terminal terminal,
        CancellationToken cancellationToken = default
    )
    {
        try
        {
            // A text may begin with @: it names no file of further arguments.
            ParseResult result = Commands(terminal)
                .Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
            RefuseUnknownOptions(result);
            if (result.Action is ParseErrorAction)
                throw new UsageException(
                    $"{result.Errors[^1].Message} ({FullName(result.CommandResult)} --help tells the usage)"
                );
            var configuration = new InvocationConfiguration
            {
                Output = terminal.Output,
                Error = terminal.Error,
                EnableDefaultExceptionHandler = false,
                // Signals are the caller's: they cancel the token.
                ProcessTerminationTimeout = null,
            };
            return await result.InvokeAsync(configuration, cancellationToken).ConfigureAwait(false);
        }
        // What fails after it is told to stop is part of stopping.
        catch (Exception e)
            when (e is OperationCanceledException || cancellationToken.IsCancellationRequested)
        {
            return ExitStatus.Interrupted;
        }
        catch (ReaderGoneException)
        {
            return ExitStatus.ReaderGone;
        }
        catch (UsageException e)
        {
            return Report(Printable.Line(e.Message), ExitStatus.WrongUsage);
        }
        catch (CheckpointException e)
        {
            // The problems that it gathers have a line each.
            return Report(
                string.Join('\n', e.Message.Split('\n').Select(Printable.Line)),
                ExitStatus.Failure
            );
        }
        // A stack trace helps nobody at a terminal: whatever failed is named in one line.
        catch (Exception e)
        {
            bool expected = e is HadalException or IOException or UnauthorizedAccessException;
            return Report(
                Printable.Line(expected ? e.Message : $"{e.GetType().Name}: {e.Message}"),
                ExitStatus.Failure
            );
        }

        int Report(string message, int status)
        {
            terminal.Error.WriteLine($"hadal: {message}");
            return status;
        }
    }

    /// <summary>What looks like an option and is none of the command's is not taken for text, or for a folder's name.</summary>
    /// <exception cref="UsageException">There is one, before a <c>--</c>.</exception>
    private static void RefuseUnknownOptions(ParseResult result)
    {
        int count = result.Tokens.TakeWhile(t => t.Type != TokenType.DoubleDash).Count();
        IEnumerable<string> arguments = result
            .CommandResult.Children.OfType<ArgumentResult>()
            .SelectMany(argument => argument.Tokens)
            .Select(token => token.Value)
            .Concat(result.UnmatchedTokens);
        string? unknown = arguments.FirstOrDefault(text =>
            text is ['-', _, ..] && result.Tokens.Take(count).Any(token => token.Value == text)
        );
        if (unknown is not null)
            throw new UsageException(
                $"there is no option {unknown} ({FullName(result.CommandResult)} --help tells them all); an argument that begins so goes after --"
            );
    }

    private static string FullName(CommandResult command) =>
        command.Parent is null ? "hadal" : $"hadal {command.Command.Name}";
}
