using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Hadal.Cli;

/// <summary>Where a command reads and writes: results go to the output, everything said about them to the error stream.</summary>
internal sealed class Terminal
{
    /// <summary>Columns of tables where no terminal tells: scripts read them, and lines must not break.</summary>
    private const int WidthWithoutTerminal = 160;

    /// <summary>The input; null where there is nothing but a keyboard.</summary>
    public required TextReader? Piped { get; init; }

    /// <summary>The keyboard, line by line.</summary>
    public required TextReader Keyboard { get; init; }

    /// <summary>Results.</summary>
    public required TextWriter Output { get; init; }

    /// <summary>Progress, figures and errors.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Whether the error stream is looked at by a person, who may be shown progress.</summary>
    public bool IsWatched { get; init; }

    /// <summary>Whether the output is a terminal.</summary>
    public bool IsInteractive { get; init; }

    public static Terminal OfProcess() =>
        new()
        {
            Piped = Console.IsInputRedirected ? Console.In : null,
            Keyboard = Console.In,
            Output = Console.Out,
            Error = Console.Error,
            IsWatched = !Console.IsErrorRedirected,
            IsInteractive = !Console.IsOutputRedirected,
        };

    /// <summary>Writes a table or the like to the output.</summary>
    public void Show(IRenderable renderable)
    {
        IAnsiConsole console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Out = new AnsiConsoleOutput(Output),
                Ansi = IsInteractive ? AnsiSupport.Detect : AnsiSupport.No,
                Interactive = InteractionSupport.No,
            }
        );
        if (!IsInteractive)
            console.Profile.Width = WidthWithoutTerminal;
        console.Write(renderable);
    }

    /// <summary>Writes one JSON object to the output, and a line feed.</summary>
    public void ShowJson(Action<Utf8JsonWriter> members)
    {
        using var bytes = new MemoryStream();
        using (
            var writer = new Utf8JsonWriter(
                bytes,
                new JsonWriterOptions
                {
                    Indented = IsInteractive,
                    // Text is not put into a web page: it may stay readable.
                    Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
                }
            )
        )
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }
        Output.WriteLine(Encoding.UTF8.GetString(bytes.ToArray()));
    }
}
