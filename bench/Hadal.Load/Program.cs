using System.CommandLine;
using Hadal.Cli;
using Hadal.Load.Commands;

using var signals = new StopSignals();
var terminal = Terminal.OfProcess();
var root = new RootCommand("Puts load on servers of OpenAI's API, and measures them.")
{
    new RunCommand(terminal),
    new TurnsCommand(terminal),
};
int status = await CommandLine
    .RunAsync(root, "hadal-load", args, terminal, signals.Token)
    .ConfigureAwait(false);
return status == ExitStatus.Interrupted ? signals.Status : status;
