using System.CommandLine;
using System.Text.Json;
using Hadal.Cli;
using Hadal.Load.Commands;
using Hadal.Tests.Checkpoints;
using Hadal.Tests.Cli;
using Microsoft.AspNetCore.Http;

namespace Hadal.Tests.Load;

public sealed class LoadCommandTests
{
    [Fact]
    public async Task Figures_are_shown_and_written()
    {
        await using StubServer server = await StubServer.StartAsync(
            (_, http) => StubServer.AnswerAsync(http, "deep ", "sea")
        );
        using var folder = new TemporaryFolder();
        string path = folder.File("load.json");
        CliResult result = await RunAsync(
            "run",
            $"{server.Address}",
            "-c",
            "2",
            "-n",
            "6",
            "--compare",
            "1",
            "--server-pid",
            $"{Environment.ProcessId}",
            "--json",
            path
        );
        Assert.Equal((0, ""), (result.Status, result.Error));
        Assert.Contains("requests: 6 ok\n", result.Output, StringComparison.Ordinal);
        Assert.Contains("not equal 0", result.Output, StringComparison.Ordinal);
        JsonElement json = JsonDocument.Parse(await File.ReadAllTextAsync(path)).RootElement;
        Assert.Equal(6, json.GetProperty("requests").GetProperty("ok").GetInt32());
        Assert.Equal(6, json.GetProperty("compared").GetInt32());
        Assert.Equal(42, json.GetProperty("tokens").GetInt32());
        string[] positive =
        [
            "tokens_per_second",
            "first_token_p50_ms",
            "between_tokens_p99_ms",
            "generator_processor_seconds",
        ];
        Assert.All(positive, name => Assert.True(json.GetProperty(name).GetDouble() > 0));
        Assert.True(json.GetProperty("server_processor_seconds").GetDouble() >= 0);
    }

    [Fact]
    public async Task What_was_not_planned_is_a_failure()
    {
        await using StubServer server = await StubServer.StartAsync(
            (_, http) =>
            {
                http.Response.StatusCode = 429;
                return http.Response.WriteAsync("""{"error":{"message":"full"}}""");
            }
        );
        CliResult result = await RunAsync("run", $"{server.Address}", "-c", "2", "-n", "5");
        Assert.Equal(1, result.Status);
        Assert.Contains("5 status_429", result.Output, StringComparison.Ordinal);
        Assert.Contains("5 ×: 429: full", result.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<server>", "run", "localhost:8000")]
    [InlineData("--disconnects", "run", "http://localhost", "--disconnects", "1.5")]
    [InlineData(
        "leave twice",
        "run",
        "http://localhost",
        "--disconnects",
        "0.6",
        "--cancels",
        "0.6"
    )]
    [InlineData("--connections", "run", "http://localhost", "-c", "0")]
    [InlineData("give --engine or --server", "turns")]
    [InlineData("NAME=COMMAND", "turns", "--server", "llama-server")]
    public async Task Wrong_usage_is_refused(string message, params string[] args)
    {
        CliResult result = await RunAsync(args);
        Assert.Equal(2, result.Status);
        Assert.StartsWith("hadal-load: ", result.Error, StringComparison.Ordinal);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("does not answer", "turns", "--server", "none=false")]
    [InlineData("no process", "run", "http://localhost:1", "--server-pid", "2147483647")]
    public async Task What_is_not_there_is_told(string message, params string[] args)
    {
        CliResult result = await RunAsync(args);
        Assert.Equal(1, result.Status);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Engine_and_server_are_measured_by_turns()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("turns.json");
        CliResult result = await RunAsync(
            "turns",
            "--engine",
            Paths.EmbeddedModel,
            "--server",
            $"http={ToolProcess.Hadal} serve --port {{port}} --threads 2",
            "-c",
            "1",
            "2",
            "--generate",
            "4",
            "--rounds",
            "1",
            "--threads",
            "2",
            "--json",
            path
        );
        Assert.Equal((0, ""), (result.Status, result.Error));
        Assert.Contains("/ engine", result.Output, StringComparison.Ordinal);
        JsonElement json = JsonDocument.Parse(await File.ReadAllTextAsync(path)).RootElement;
        JsonElement[] costs = [.. json.GetProperty("results").EnumerateArray()];
        Assert.Equal(
            ["1 engine", "1 http", "2 engine", "2 http"],
            costs.Select(cost => $"{cost.GetProperty("connections")} {cost.GetProperty("name")}")
        );
        Assert.All(
            costs,
            cost => Assert.True(cost.GetProperty("tokens_per_second").GetDouble() > 0)
        );
    }

    private static async Task<CliResult> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var terminal = new Terminal
        {
            Piped = null,
            Keyboard = TextReader.Null,
            Output = output,
            Error = error,
        };
        int status = await CommandLine.RunAsync(
            new RootCommand { new RunCommand(terminal), new TurnsCommand(terminal) },
            "hadal-load",
            args,
            terminal,
            TestContext.Current.CancellationToken
        );
        return new CliResult(status, output.ToString(), error.ToString());
    }
}
