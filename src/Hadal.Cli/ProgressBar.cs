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
        Bar(terminal)
            .Start(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(description), maxValue: total);
                work(task.Increment);
            });
    }

    /// <inheritdoc cref="Show"/>
    public static async Task ShowAsync(
        Terminal terminal,
        string description,
        double total,
        Func<Action<double>, Task> work
    )
    {
        if (!terminal.ShowsProgress)
        {
            await work(static _ => { }).ConfigureAwait(false);
            return;
        }
        await Bar(terminal)
            .StartAsync(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(description), maxValue: total);
                return work(task.Increment);
            })
            .ConfigureAwait(false);
    }

    private static Progress Bar(Terminal terminal) =>
        AnsiConsole
            .Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(terminal.Error) })
            .Progress()
            .AutoClear(true)
            .Columns(
                new TaskDescriptionColumn(),
                new ProgressBarColumn(),
                new PercentageColumn(),
                new RemainingTimeColumn()
            );
}
