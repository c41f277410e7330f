using System.CommandLine;
using System.CommandLine.Parsing;

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
        // The parser takes what is no option of its own for the text.
        if (
            text is ['-', _, ..]
            && !result.Tokens.Any(static token => token.Type == TokenType.DoubleDash)
        )
            throw new UsageException(
                $"there is no option {text}; before a {_text.Name} that begins so, write --"
            );
        if (text is not null)
            return text;
        if (file is not null)
            return await File.ReadAllTextAsync(file.FullName, cancellationToken)
                .ConfigureAwait(false);
        if (_terminal.Piped is { } input)
            return await input.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
        throw new UsageException(
            $"<{_text.Name}> is missing: give it as the argument, by --file, or on the standard input"
        );
    }
}
