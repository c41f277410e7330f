using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Hadal.Cli;
using Hadal.Load.Plans;
using Hadal.Load.Running;

namespace Hadal.Load.Turns;

/// <summary>A server, as a process of its own on a free port.</summary>
/// <param name="name">What results call it.</param>
/// <param name="command">A command line of the shell; <c>{port}</c> stands for the port.</param>
/// <param name="plan">What is asked of it at a server and a number of clients.</param>
internal sealed class ServerContender(string name, string command, Func<Uri, int, LoadPlan> plan)
    : Contender(name)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_mostStart = TimeSpan.FromMinutes(5);

    private Uri? _address;
    private Process? _process;

    /// <exception cref="HadalException">It ended, or did not answer in time.</exception>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        string port = FreePort().ToString(CultureInfo.InvariantCulture);
        _address = new Uri($"http://127.0.0.1:{port}");
        string script = command.Replace("{port}", port, StringComparison.Ordinal);
        _process = Process.Start(
            new ProcessStartInfo("bash", ["-c", $"exec {script}"]) { RedirectStandardInput = true }
        )!;
        _process.StandardInput.Close();
        long start = Stopwatch.GetTimestamp();
        LoadPlan probe = plan(_address, 1) with { Requests = 1, MaxTokens = 1, PromptTokens = 1 };
        while (true)
        {
            using var run = new LoadRun(probe);
            LoadReport report = await run.RunAsync(cancellationToken).ConfigureAwait(false);
            if (report.IsClean)
                return;
            if (_process.HasExited || Stopwatch.GetElapsedTime(start) > s_mostStart)
                throw new HadalException(
                    $"{Name}: does not answer ({string.Join("; ", report.Messages.Keys)})"
                );
            await Task.Delay(s_pause, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <exception cref="HadalException">A request was not answered.</exception>
    public override async Task<TurnCost> MeasureAsync(
        int connections,
        int turn,
        CancellationToken cancellationToken
    )
    {
        using var run = new LoadRun(
            plan(_address!, connections) with
            {
                Seed = (ulong)turn,
                ServerProcess = _process!.Id,
            }
        );
        LoadReport report = await run.RunAsync(cancellationToken).ConfigureAwait(false);
        if (!report.IsClean)
            throw new HadalException(
                $"{Name}: a request was not answered ({string.Join("; ", report.Messages.Keys)})"
            );
        return new TurnCost(
            report.TokensPerSecond,
            report.FirstToken.Part(0.5),
            report.FirstToken.Part(0.99),
            report.BetweenTokens.Part(0.5),
            report.BetweenTokens.Part(0.99),
            report.ServerProcessor!.Value.TotalMilliseconds / report.Tokens,
            report.OwnProcessor / report.Wall
        );
    }

    public override async ValueTask DisposeAsync()
    {
        if (_process is null)
            return;
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync().ConfigureAwait(false);
        _process.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
