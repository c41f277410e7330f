namespace Hadal.Cli.Chatting;

/// <summary>The lines of the input.</summary>
/// <param name="terminal">Where from.</param>
internal sealed class ChatLines(Terminal terminal)
{
    /// <summary>The next line; null at the end.</summary>
    public async Task<string?> ReadAsync(CancellationToken cancellationToken)
    {
        TextReader input = terminal.Piped ?? terminal.Keyboard;
        // A console's read can't be cancelled: it is left behind.
        return await Task.Run(input.ReadLine, CancellationToken.None)
            .WaitAsync(cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>The next line of the conversation; null at an empty one, and at the end.</summary>
    public async Task<string?> ReadTurnAsync(CancellationToken cancellationToken)
    {
        if (terminal.IsInteractive)
            await terminal.Output.WriteAsync("> ").ConfigureAwait(false);
        string? line = await ReadAsync(cancellationToken).ConfigureAwait(false);
        return string.IsNullOrWhiteSpace(line) ? null : line;
    }
}
