using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Hadal.Load.Commands;

/// <summary>A file for the figures.</summary>
internal sealed class ReportArgument
{
    private readonly Option<FileInfo?> _json = new("--json")
    {
        Description = "Writes the figures as JSON",
        HelpName = "path",
    };

    public ReportArgument(Command command) => command.Add(_json);

    /// <summary>Writes the file, where one is asked for.</summary>
    /// <param name="result">The command line.</param>
    /// <param name="members">Writes the members of its object.</param>
    /// <exception cref="IOException">It can't be written.</exception>
    public void Write(ParseResult result, Action<Utf8JsonWriter> members)
    {
        if (result.GetValue(_json) is not { } file)
            return;
        using FileStream stream = file.Create();
        using var json = new Utf8JsonWriter(
            stream,
            new JsonWriterOptions
            {
                Indented = true,
                Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            }
        );
        json.WriteStartObject();
        members(json);
        json.WriteEndObject();
    }
}
