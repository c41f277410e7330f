using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Hadal.Checkpoints;
using Hadal.Cli.Posix;

namespace Hadal.Cli;

/// <summary>Runs command lines of a program; whatever fails is one line on the error stream, and an exit status.</summary>
internal static class CommandLine
{
    /// <returns>One of <see cref="ExitStatus"/>, or 0; <see cref="ExitStatus.Interrupted"/> where it was cancelled.</returns>
    /// <param name="root">The commands.</param>
    /// <param name="program">What errors begin with.</param>
    /// <param name="args">The command line.</param>
    /// <param name="terminal">Where errors go.</param>
    /// <param name="cancellationToken">Ends the command.</param>
    public static async Task<int> RunAsync(
        RootCommand root,
        string program,
        IReadOnlyList<string> args,
        Terminal terminal,
        CancellationToken cancellationToken
    )
    {
        try
        {
            // A text may begin with @: it names no file of further arguments.
            ParseResult result = root.Parse(
                args,
                new ParserConfiguration { ResponseFileTokenReplacer = null }
            );
            RefuseUnknownOptions(result, program);
            if (result.Action is ParseErrorAction)
                throw new UsageException(
                    $"{result.Errors[^1].Message} ({FullName(result.CommandResult, program)} --help tells the usage)"
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
            terminal.Error.WriteLine($"{program}: {message}");
            return status;
        }
    }

    /// <summary>What looks like an option and is none of the command's is not taken for text, or for a folder's name.</summary>
    /// <exception cref="UsageException">There is one, before a <c>--</c>.</exception>
    private static void RefuseUnknownOptions(ParseResult result, string program)
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
                $"there is no option {unknown} ({FullName(result.CommandResult, program)} --help tells them all); an argument that begins so goes after --"
            );
    }

    private static string FullName(CommandResult command, string program) =>
        command.Parent is null ? program : $"{program} {command.Command.Name}";
}
