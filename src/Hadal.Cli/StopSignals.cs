using System.Runtime.InteropServices;

namespace Hadal.Cli;

/// <summary>Turns the first signal that asks the process to end into a cancellation; a second one ends it at once.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _cancellation = new();
    private readonly PosixSignalRegistration[] _registrations;
    private int _status;

    public StopSignals() =>
        _registrations = [
            On(PosixSignal.SIGHUP, ExitStatus.HungUp),
            On(PosixSignal.SIGINT, ExitStatus.Interrupted),
            On(PosixSignal.SIGTERM, ExitStatus.Terminated),
        ];

    /// <summary>Is cancelled by the first signal.</summary>
    public CancellationToken Token => _cancellation.Token;

    /// <summary>The exit status of the signal that came; that of Ctrl-C where none did.</summary>
    public int Status => _status == 0 ? ExitStatus.Interrupted : _status;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
        _cancellation.Dispose();
    }

    private PosixSignalRegistration On(PosixSignal signal, int status) =>
        PosixSignalRegistration.Create(
            signal,
            context =>
            {
                context.Cancel = Interlocked.CompareExchange(ref _status, status, 0) == 0;
                if (context.Cancel)
                    _cancellation.Cancel();
            }
        );
}
