using Hadal.Chat;

namespace Hadal.Cli.Chatting;

/// <summary>Gets the results of calls: from the tools' programs where those may be run, else from the user.</summary>
/// <param name="terminal">Where the user is asked.</param>
/// <param name="lines">What the user types.</param>
/// <param name="program">Runs programs; null where none may be run.</param>
internal sealed class ToolResults(Terminal terminal, ChatLines lines, ToolProgram? program)
{
    /// <summary>The result of a call; what a program does wrong becomes one that says so.</summary>
    /// <param name="call">The call.</param>
    /// <param name="tools">The tools.</param>
    /// <param name="cancellationToken">Ends the program, or the wait for the user.</param>
    /// <exception cref="ConversationException">The arguments are no JSON object.</exception>
    /// <exception cref="HadalException">The input ended.</exception>
    /// <exception cref="UsageException">No program may be run, and there is nobody to ask.</exception>
    public async Task<string> OfAsync(
        ToolCall call,
        IReadOnlyList<ChatTool> tools,
        CancellationToken cancellationToken
    )
    {
        string name = Printable.Line(call.Name);
        // A grammar keeps calls to the tools, but in a text of calls that are not well formed others may be found.
        if (tools.FirstOrDefault(tool => tool.Definition.Name == call.Name) is not { } tool)
            return Told($"error: there is no tool {call.Name}");
        ConversationCheck.Arguments(call, $"arguments of {name}");
        if (tool.Command is { } command && program is not null)
            return Told(
                await program
                    .RunAsync(command, call.Arguments, cancellationToken)
                    .ConfigureAwait(false)
            );
        if (!terminal.IsWatched || terminal.Piped is not null)
            throw new UsageException(
                tool.Command is null
                    ? $"the model calls {name}, which has no command, and nobody is there to type its result"
                    : $"the model calls {name}, whose command runs with --allow-exec only, and nobody is there to type its result"
            );
        await terminal.Error.WriteAsync($"result of {name}: ").ConfigureAwait(false);
        return await lines.ReadAsync(cancellationToken).ConfigureAwait(false)
            ?? throw new HadalException("the input ended before a result was typed");
    }

    private string Told(string result)
    {
        terminal.Error.WriteLine($"result {Printable.Line(result)}");
        return result;
    }
}
