using System.CommandLine;

namespace Hadal.Cli.Arguments;

/// <summary>Whether a script reads the output.</summary>
internal sealed class JsonArgument
{
    private readonly Option<bool> _json = new("--json")
    {
        Description = "Writes one JSON object, for scripts",
    };

    public JsonArgument(Command command) => command.Add(_json);

    public bool IsGiven(ParseResult result) => result.GetValue(_json);
}
