using System.CommandLine;
using System.Text.Json;

namespace Hadal.Cli.Arguments;

/// <summary>A JSON schema that a text must satisfy.</summary>
internal sealed class SchemaArgument
{
    public SchemaArgument(Command command) => command.Add(Option);

    public Option<FileInfo?> Option { get; } =
        new("--schema")
        {
            Description = "The text is JSON that satisfies the JSON schema of a file",
            HelpName = "path",
        };

    /// <exception cref="HadalException">The file is not JSON.</exception>
    public JsonElement? Read(ParseResult result) =>
        result.GetValue(Option) is { } file ? JsonFile.Read(file, "--schema") : null;
}
