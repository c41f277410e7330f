using System.CommandLine;
using Hadal.Cli;
using Hadal.Cli.Arguments;
using Hadal.Load.Plans;
using Hadal.Load.Running;

namespace Hadal.Load.Commands;

/// <summary><c>hadal-load run</c>: one load on one server.</summary>
internal sealed class RunCommand : Command
{
    private readonly Terminal _terminal;
    private readonly Argument<string> _server = new("server")
    {
        Description = "The server's address, such as http://127.0.0.1:8000",
    };
    private readonly Option<int> _connections = new("--connections", "-c")
    {
        Description = "Clients at once, each with one request after another",
        HelpName = "count",
        DefaultValueFactory = _ => 16,
    };
    private readonly Option<int?> _requests = new("--requests", "-n")
    {
        Description = "Requests of all clients; without --duration, 10 for each",
        HelpName = "count",
    };
    private readonly Option<int?> _duration = new("--duration")
    {
        Description = "For how long new requests begin",
        HelpName = "seconds",
    };
    private readonly Option<double> _disconnects = Part(
        "--disconnects",
        "The part of the requests whose connection is reset at any moment: in the queue, in the prompt, in the stream"
    );
    private readonly Option<double> _cancels = Part(
        "--cancels",
        "The part of the requests whose connection is closed after some tokens"
    );
    private readonly Option<double> _compare = Part(
        "--compare",
        "The part of the answers that must equal the answer to the same request alone, asked for afterwards"
    );
    private readonly Option<string?> _model = new("--model", "-m")
    {
        Description = "The field model of requests",
        HelpName = "name",
    };
    private readonly Option<string?> _key = new("--api-key")
    {
        Description = "The server's key",
        HelpName = "key",
    };
    private readonly Option<int?> _process = new("--server-pid")
    {
        Description = "The server's process, whose processor time is told",
        HelpName = "id",
    };
    private readonly PlanArguments _plan;
    private readonly ReportArgument _report;

    public RunCommand(Terminal terminal)
        : base(
            "run",
            "Sends requests to a server and tells what became of them; the exit status is 1 where one ended otherwise than planned"
        )
    {
        _terminal = terminal;
        _connections.MustBeFrom(1, 1 << 16);
        _requests.MustBeFrom(1, int.MaxValue);
        _duration.MustBeFrom(1, 1 << 20);
        _process.MustBeFrom(1, int.MaxValue);
        Add(_server);
        Option[] options =
        [
            _connections,
            _requests,
            _duration,
            _disconnects,
            _cancels,
            _compare,
            _model,
            _key,
            _process,
        ];
        foreach (Option option in options)
            Add(option);
        _plan = new PlanArguments(this);
        _report = new ReportArgument(this);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        LoadPlan plan = Read(result);
        LoadReport? report = null;
        await ProgressBar
            .ShowAsync(
                _terminal,
                $"{plan.Connections} connections",
                plan.Requests,
                async progress =>
                {
                    using var run = new LoadRun(plan) { Progress = () => progress(1) };
                    report = await run.RunAsync(cancellationToken).ConfigureAwait(false);
                }
            )
            .ConfigureAwait(false);
        ReportView.Show(_terminal, report!);
        _report.Write(result, json => ReportView.Write(json, report!));
        return report!.IsClean ? 0 : ExitStatus.Failure;
    }

    private LoadPlan Read(ParseResult result)
    {
        string address = result.GetValue(_server)!;
        if (
            !Uri.TryCreate(address, UriKind.Absolute, out Uri? server)
            || server.Scheme is not ("http" or "https")
        )
            throw new UsageException(
                $"<server> is '{address}'; it must be an address such as http://127.0.0.1:8000"
            );
        int connections = result.GetValue(_connections);
        int? duration = result.GetValue(_duration);
        double disconnects = result.GetValue(_disconnects);
        double cancels = result.GetValue(_cancels);
        if (disconnects + cancels > 1)
            throw new UsageException(
                "--disconnects and --cancels are more than 1 together; no request can leave twice"
            );
        return _plan.Plan(result, server, connections) with
        {
            Requests =
                result.GetValue(_requests)
                ?? (duration is null ? checked(10 * connections) : int.MaxValue),
            Duration = duration is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            Disconnects = disconnects,
            Cancels = cancels,
            Compared = result.GetValue(_compare),
            Model = result.GetValue(_model),
            ApiKey = result.GetValue(_key),
            ServerProcess = result.GetValue(_process),
        };
    }

    private static Option<double> Part(string name, string description)
    {
        var option = new Option<double>(name) { Description = description, HelpName = "part" };
        option.Validators.Add(result =>
        {
            if (
                result.Tokens.Count > 0
                && result.GetValueOrDefault<double>() is not (>= 0 and <= 1)
            )
                result.AddError($"{name} is '{result.Tokens[^1].Value}'; it must be from 0 to 1");
        });
        return option;
    }
}
