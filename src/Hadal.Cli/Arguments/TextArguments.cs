using System.CommandLine;

namespace Hadal.Cli.Arguments;

/// <summary>A text that a command takes: as its argument, from a file, or from the standard input.</summary>
internal sealed class TextArguments
{
    private readonly Terminal _terminal;
    private readonly Argument<string?> _text;
    private readonly Option<FileInfo?> _file;

    public TextArguments(Command command, Terminal terminal, string name, string description)
    {
        _terminal = terminal;
        _text = new Argument<string?>(name)
        {
            Description = $"{description}; without it and --file, the standard input",
            Arity = ArgumentArity.ZeroOrOne,
        };
        _file = new Option<FileInfo?>("--file", "-f")
        {
            Description = $"Takes the {name} from a file in UTF-8",
            HelpName = "path",
        };
        command.Add(_text);
        command.Add(_file);
    }

    /// <exception cref="UsageException">It is given twice or not at all.</exception>
    public async Task<string> ReadAsync(ParseResult result, CancellationToken cancellationToken)
    {
        string? text = result.GetValue(_text);
        FileInfo? file = result.GetValue(_file);
        if (text is not null && file is not null)
            throw new UsageException($"<{_text.Name}> and --file are both given; give one");
        if (text is not null)
            return text;
        if (file is not null)
            return await ReadAsync(() => File.ReadAllText(file.FullName)).ConfigureAwait(false);
        if (_terminal.Piped is { } input)
            return await ReadAsync(input.ReadToEnd).ConfigureAwait(false);
        throw new UsageException(
            $"<{_text.Name}> is missing: give it as the argument, by --file, or on the standard input"
        );

        // Where a pipe gives nothing, reading can't be cancelled: it is left behind.
        Task<string> ReadAsync(Func<string> read) =>
            Task.Run(read, CancellationToken.None).WaitAsync(cancellationToken);
    }

    /// <summary>Whether a text is given, or a file of it.</summary>
    public bool IsGiven(ParseResult result) =>
        result.GetValue(_text) is not null || result.GetValue(_file) is not null;
}
