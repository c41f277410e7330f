using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Hadal.Cli.Posix;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Hadal.Cli;

/// <summary>Where a command reads and writes: results go to the output, everything said about them to the error stream.</summary>
internal sealed class Terminal
{
    /// <summary>Columns where no terminal tells: scripts read the tables, and lines must not break.</summary>
    private const int WidthWithoutTerminal = 160;

    /// <summary>The input; null where there is nothing but a keyboard.</summary>
    public required TextReader? Piped { get; init; }

    /// <summary>The keyboard, line by line.</summary>
    public required TextReader Keyboard { get; init; }

    /// <summary>Results.</summary>
    public required TextWriter Output { get; init; }

    /// <summary>Progress, figures and errors.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Whether the error stream is looked at by a person.</summary>
    public bool IsWatched { get; init; }

    /// <summary>Whether the output is a terminal.</summary>
    public bool IsInteractive { get; init; }

    /// <summary>Whether a terminal may be sent escape sequences, to colour text and to draw over it.</summary>
    public bool TakesEscapes { get; init; }

    /// <summary>Whether a person sees a progress that is drawn over and over.</summary>
    public bool ShowsProgress => IsWatched && TakesEscapes;

    /// <summary>Characters of a line. The runtime's own way to ask for them sends the terminal escape sequences.</summary>
    public int Width
    {
        get
        {
            if (!IsInteractive)
                return WidthWithoutTerminal;
            if (!OperatingSystem.IsLinux())
                return Console.WindowWidth;
            bool isKnown =
                Libc.Control(StandardStream.Output, Libc.GetWindowSize, out WindowSize size) == 0
                && size.Columns > 0;
            return isKnown ? size.Columns : WidthWithoutTerminal;
        }
    }

    public static Terminal OfProcess()
    {
        // Written text may be of any script, whatever the system's code page.
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        TextReader input;
        if (OperatingSystem.IsLinux())
        {
            input = new StreamReader(new StandardStream(StandardStream.Input, "input"), utf8);
            Console.SetOut(Writer(StandardStream.Output, "output"));
            Console.SetError(Writer(StandardStream.Error, "error stream"));
        }
        else
        {
            Console.OutputEncoding = utf8;
            Console.InputEncoding = utf8;
            input = Console.In;
        }
        return new Terminal
        {
            Piped = Console.IsInputRedirected ? input : null,
            Keyboard = input,
            Output = Console.Out,
            Error = Console.Error,
            IsWatched = !Console.IsErrorRedirected,
            IsInteractive = !Console.IsOutputRedirected,
            TakesEscapes = EnvironmentTakesEscapes(),
        };

        StreamWriter Writer(int descriptor, string name) =>
            new(new StandardStream(descriptor, name), utf8) { AutoFlush = true };
    }

    private static bool EnvironmentTakesEscapes()
    {
        string? kind = Environment.GetEnvironmentVariable("TERM");
        return string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
            && kind != "dumb"
            && (OperatingSystem.IsWindows() || !string.IsNullOrEmpty(kind));
    }

    /// <summary>Writes text of a model or a file to the output: as it is, but for a terminal what would steer it is spelt out.</summary>
    public void WriteText(ReadOnlySpan<char> text)
    {
        if (IsInteractive)
            Output.Write(Printable.Text(text));
        else
            Output.Write(text);
    }

    /// <summary>Writes a table or the like to the output, as plain text.</summary>
    public void Show(IRenderable renderable) =>
        AnsiConsole
            .Create(
                new AnsiConsoleSettings
                {
                    Out = new TableOutput(this),
                    Ansi = AnsiSupport.No,
                    ColorSystem = ColorSystemSupport.NoColors,
                    Interactive = InteractionSupport.No,
                }
            )
            .Write(renderable);

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
