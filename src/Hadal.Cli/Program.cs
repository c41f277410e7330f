using Hadal.Cli;

using var signals = new StopSignals();
int status = await Tool.RunAsync(args, Terminal.OfProcess(), signals.Token).ConfigureAwait(false);
return status == ExitStatus.Interrupted ? signals.Status : status;
