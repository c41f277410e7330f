using System.CommandLine;
using Hadal.Grammars;

namespace Hadal.Cli.Arguments;

/// <summary>What a text must look like.</summary>
internal sealed class GrammarArguments
{
    private readonly SchemaArgument _schema;
    private readonly Option<string?> _regex = new("--regex")
    {
        Description = "The text matches a regular expression as a whole",
        HelpName = "pattern",
    };
    private readonly Option<string[]> _choice = new("--choice")
    {
        Description = "The text is this, or another --choice",
        HelpName = "text",
        DefaultValueFactory = _ => [],
    };

    public GrammarArguments(Command command)
    {
        _schema = new SchemaArgument(command);
        command.Add(_regex);
        command.Add(_choice);
        command.Validators.Add(result =>
        {
            int given =
                (result.GetResult(_schema.Option) is null ? 0 : 1)
                + (result.GetResult(_regex) is null ? 0 : 1)
                + (result.GetResult(_choice) is { Implicit: false } ? 1 : 0);
            if (given > 1)
                result.AddError("--schema, --regex and --choice exclude each other; give one");
        });
    }

    /// <exception cref="HadalException">A file is not JSON, or a grammar can't be kept to.</exception>
    /// <exception cref="UsageException">A choice is empty.</exception>
    public Grammar? Read(ParseResult result)
    {
        if (_schema.Read(result) is { } schema)
            return Grammar.FromJsonSchema(schema);
        if (result.GetValue(_regex) is { } pattern)
            return Grammar.FromRegex(pattern);
        string[] choices = result.GetValue(_choice)!;
        if (choices.Length == 0)
            return null;
        return choices.All(static choice => choice.Length > 0)
            ? Grammar.FromChoices(choices)
            : throw new UsageException("--choice is empty; it must have a character");
    }
}
