using System.Text;
using Spectre.Console;

namespace Hadal.Cli;

/// <summary>Where tables go.</summary>
internal sealed class TableOutput(Terminal terminal) : IAnsiConsoleOutput
{
    private const int HeightOfNoMatter = 24;

    public TextWriter Writer => terminal.Output;

    public bool IsTerminal => terminal.IsInteractive;

    public int Width => terminal.Width;

    public int Height => HeightOfNoMatter;

    public void SetEncoding(Encoding encoding) { }
}
