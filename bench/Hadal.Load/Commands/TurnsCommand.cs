using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Hadal.Cli;
using Hadal.Cli.Arguments;
using Hadal.Load.Turns;
using Spectre.Console;

namespace Hadal.Load.Commands;

/// <summary><c>hadal-load turns</c>: the same load on several by turns.</summary>
internal sealed class TurnsCommand : Command
{
    private readonly Terminal _terminal;
    private readonly Option<DirectoryInfo?> _engine = new("--engine")
    {
        Description = "A checkpoint's folder: an engine in this process takes part, without HTTP",
        HelpName = "folder",
    };
    private readonly Option<string[]> _servers = new("--server")
    {
        Description =
            "A server that takes part: NAME=COMMAND, a command line of bash with {port} for the port; may be given again",
        HelpName = "name=command",
        DefaultValueFactory = _ => [],
    };
    private readonly Option<int[]> _connections = new("--connections", "-c")
    {
        Description = "Clients at once",
        HelpName = "count",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [1, 4, 16],
    };
    private readonly Option<int> _requests = new("--requests", "-n")
    {
        Description = "Requests, one after another, of each client",
        HelpName = "count",
        DefaultValueFactory = _ => 2,
    };
    private readonly Option<int> _rounds = new("--rounds")
    {
        Description = "Turns of each, of which the medians count",
        HelpName = "count",
        DefaultValueFactory = _ => 3,
    };
    private readonly Option<int> _threads = new("--threads", "-t")
    {
        Description = "Threads of the engine; 0 takes one for each processor",
        HelpName = "count",
    };
    private readonly PlanArguments _plan;
    private readonly ReportArgument _report;

    public TurnsCommand(Terminal terminal)
        : base(
            "turns",
            "Puts the same load on servers, and an engine, by turns, and compares the medians with the first one's; a turn before the first doesn't count"
        )
    {
        _terminal = terminal;
        _connections.MustBeFrom(1, 1 << 16);
        _requests.MustBeFrom(1, 1 << 20);
        _rounds.MustBeFrom(1, 1000);
        _threads.MustBeFrom(0, 1024);
        Option[] options = [_engine, _servers, _connections, _requests, _rounds, _threads];
        foreach (Option option in options)
            Add(option);
        _plan = new PlanArguments(this);
        _report = new ReportArgument(this);
        SetAction(RunAsync);
    }

    private async Task RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        int[] connections = [.. result.GetValue(_connections)!.Distinct().Order()];
        List<Contender> contenders = Contenders(result, connections[^1]);
        var costs = new Dictionary<(int Connections, Contender Of), List<TurnCost>>();
        int turn = 0;
        try
        {
            foreach (Contender contender in contenders)
                await contender.StartAsync(cancellationToken).ConfigureAwait(false);
            for (int round = -1; round < result.GetValue(_rounds); round++)
            {
                foreach (int count in connections)
                {
                    foreach (Contender contender in contenders)
                    {
                        TurnCost cost = await contender
                            .MeasureAsync(count, ++turn, cancellationToken)
                            .ConfigureAwait(false);
                        if (round < 0)
                            costs[(count, contender)] = [];
                        else
                            costs[(count, contender)].Add(cost);
                    }
                }
            }
        }
        finally
        {
            foreach (Contender contender in contenders)
                await contender.DisposeAsync().ConfigureAwait(false);
        }
        var medians = costs.ToDictionary(pair => pair.Key, pair => TurnCost.Median(pair.Value));
        Show(medians, contenders[0]);
        _report.Write(result, json => Write(json, medians));
    }

    private List<Contender> Contenders(ParseResult result, int mostConnections)
    {
        List<Contender> contenders = [];
        int requests = result.GetValue(_requests);
        if (result.GetValue(_engine) is { } folder)
            contenders.Add(
                new EngineContender(
                    folder.FullName,
                    result.GetValue(_threads),
                    mostConnections,
                    _plan.PromptTokens(result),
                    _plan.GeneratedTokens(result),
                    requests
                )
            );
        foreach (string server in result.GetValue(_servers)!)
        {
            if (server.Split('=', 2) is not [{ Length: > 0 } name, { Length: > 0 } command])
                throw new UsageException($"--server is '{server}'; it must be NAME=COMMAND");
            contenders.Add(
                new ServerContender(
                    name,
                    command,
                    (address, connections) =>
                        _plan.Plan(result, address, connections) with
                        {
                            Requests = checked(requests * connections),
                        }
                )
            );
        }
        return contenders.Count > 0
            ? contenders
            : throw new UsageException("nothing takes part; give --engine or --server");
    }

    private void Show(Dictionary<(int, Contender), TurnCost> medians, Contender first)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn("clients").AddColumn("");
        string[] columns =
        [
            "tok/s",
            $"/ {first.Name}",
            "first token ms",
            "99 %",
            "between ms",
            "99 %",
            "processor ms / token",
            "generator's processor",
        ];
        foreach (string column in columns)
            table.AddColumn(column, c => c.RightAligned());
        foreach (((int connections, Contender of), TurnCost cost) in medians)
            table.AddRow(
                Number(connections, "0"),
                Markup.Escape(of.Name),
                Number(cost.TokensPerSecond, "0.0"),
                Number(
                    cost.TokensPerSecond / medians[(connections, first)].TokensPerSecond,
                    "0.000"
                ),
                Number(cost.FirstToken, "0.0"),
                Number(cost.SlowestFirst, "0.0"),
                Number(cost.Between, "0.00"),
                Number(cost.SlowestBetween, "0.00"),
                Number(cost.Processor, "0.00"),
                Number(cost.Generator, "0.0 %")
            );
        _terminal.Show(table);
    }

    private static void Write(Utf8JsonWriter json, Dictionary<(int, Contender), TurnCost> medians)
    {
        json.WriteStartArray("results");
        foreach (((int connections, Contender of), TurnCost cost) in medians)
        {
            json.WriteStartObject();
            json.WriteNumber("connections", connections);
            json.WriteString("name", of.Name);
            json.WriteFinite("tokens_per_second", cost.TokensPerSecond);
            json.WriteFinite("first_token_p50_ms", cost.FirstToken);
            json.WriteFinite("first_token_p99_ms", cost.SlowestFirst);
            json.WriteFinite("between_tokens_p50_ms", cost.Between);
            json.WriteFinite("between_tokens_p99_ms", cost.SlowestBetween);
            json.WriteFinite("processor_ms_per_token", cost.Processor);
            json.WriteFinite("generator_processors", cost.Generator);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static string Number(double value, string format) =>
        double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "-";
}
