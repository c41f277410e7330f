using System.CommandLine;
using System.CommandLine.Help;
using Hadal.Cli.Commands;

namespace Hadal.Cli;

/// <summary>The tool <c>hadal</c>: runs a command line and gives its exit status.</summary>
internal static class Tool
{
    /// <summary>The commands and their options.</summary>
    public static RootCommand Commands(Terminal terminal)
    {
        var root = new RootCommand(
            "DeepSeek-V3.2 from .NET: load a checkpoint, write with it, measure and compare it."
        )
        {
            new GenerateCommand(terminal),
            new ChatCommand(terminal),
            new ServeCommand(terminal),
            new BatchCommand(terminal),
            new InspectCommand(terminal),
            new TokenizeCommand(terminal),
            new RenderCommand(terminal),
            new PerplexityCommand(terminal),
            new TraceCommand(terminal),
            new DevicesCommand(terminal),
            new SynthCommand(terminal),
            new PullCommand(terminal),
            new BenchCommand(terminal),
        };
        if (terminal.IsInteractive)
        {
            foreach (HelpOption option in root.Options.OfType<HelpOption>())
                ((HelpAction)option.Action!).MaxWidth = terminal.Width;
        }
        return root;
    }

    /// <inheritdoc cref="CommandLine.RunAsync"/>
    public static Task<int> RunAsync(
        IReadOnlyList<string> args,
        Terminal terminal,
        CancellationToken cancellationToken = default
    ) => CommandLine.RunAsync(Commands(terminal), "hadal", args, terminal, cancellationToken);
}
