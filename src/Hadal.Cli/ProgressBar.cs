using Spectre.Console;

namespace Hadal.Cli;

/// <summary>A bar on the error stream, shown to a watching person alone, that vanishes when its work is done.</summary>
internal static class ProgressBar
{
    /// <param name="terminal">Where it is shown.</param>
    /// <param name="description">What is done.</param>
    /// <param name="total">How much there is to do, in any unit.</param>
    /// <param name="work">Does it, and tells how much more is done.</param>
    public static void Show(
        Terminal terminal,
        string description,
        double total,
        Action<Action<double>> work
    )
    {
        if (!terminal.ShowsProgress)
        {
            work(static _ => { });
            return;
        }
        IAnsiConsole console = AnsiConsole.Create(
            new AnsiConsoleSettings { Out = new AnsiConsoleOutput(terminal.Error) }
        );
        console
            .Progress()
            .AutoClear(true)
            .Columns(
                new TaskDescriptionColumn(),
                new ProgressBarColumn(),
                new PercentageColumn(),
                new RemainingTimeColumn()
            )
            .Start(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(description), maxValue: total);
                work(task.Increment);
            });
    }
}
