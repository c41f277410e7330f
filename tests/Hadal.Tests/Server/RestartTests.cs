using System.Diagnostics;
using System.Globalization;
using Hadal.Load.Plans;
using Hadal.Load.Running;
using Hadal.Load.Streams;
using Hadal.Tests.Cli;

namespace Hadal.Tests.Server;

/// <summary>A server's process that is told to stop under load, and started again.</summary>
public sealed class RestartTests
{
    private const int Running = 4;
    private const int Clients = 12;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Restart_loses_what_was_running_and_says_so()
    {
        Uri address;
        LoadPlan plan;
        using (Process process = Start(port: 0))
        {
            address = await ReadyAsync(process);
            plan = new LoadPlan
            {
                Server = address,
                Connections = Clients,
                Requests = Clients,
                PromptTokens = 20,
                MaxTokens = 900,
            };
            using var run = new LoadRun(plan);
            Task<LoadReport> load = run.RunAsync(Cancellation);
            using (var client = new HttpClient { BaseAddress = address })
            {
                while (
                    await MetricAsync(client, "vllm:num_requests_waiting") != Clients - Running
                    || await MetricAsync(client, "vllm:generation_tokens_total") < 25 * Running
                )
                    await Task.Delay(10, Cancellation);
            }
            using var stop = Process.Start("kill", ["-TERM", $"{process.Id}"]);
            LoadReport report = await load.Soon();
            Assert.Equal(
                [
                    KeyValuePair.Create(
                        "The server is stopping; try again, or ask another server",
                        Running
                    ),
                ],
                report.Messages.Where(message =>
                    !message.Key.StartsWith("503", StringComparison.Ordinal)
                )
            );
            Assert.Equal(Running, report.Outcomes[StreamOutcome.ErrorEvent]);
            // What waited had not begun: another server can have it.
            Assert.Equal(Clients - Running, report.Outcomes[StreamOutcome.Unavailable]);
            Assert.Equal(0, (await ToolProcess.EndAsync(process)).Status);
        }
        using (Process process = Start(address.Port))
        {
            try
            {
                Assert.Equal(address, await ReadyAsync(process));
                using var run = new LoadRun(plan with { MaxTokens = 30, Compared = 1 });
                LoadReport report = await run.RunAsync(Cancellation).Soon();
                Assert.True(report.IsClean);
                Assert.Equal(Clients, report.Outcomes[StreamOutcome.Ok]);
            }
            finally
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    private static Process Start(int port) =>
        ToolProcess.Start(
            $"exec {ToolProcess.Hadal} serve --port {port} --threads 2 --max-concurrent {Running} --drain-seconds 0"
        );

    private static async Task<Uri> ReadyAsync(Process process)
    {
        string? line = await process.StandardError.ReadLineAsync(Cancellation);
        var address = new Uri(line!.Split(' ', ',')[2]);
        while (line != "ready")
        {
            Assert.NotNull(line);
            line = await process.StandardError.ReadLineAsync(Cancellation);
        }
        return address;
    }

    private static async Task<double> MetricAsync(HttpClient client, string name)
    {
        string metrics = await client.GetStringAsync("/metrics", Cancellation);
        string line = metrics
            .Split('\n')
            .Single(l => l.StartsWith($"{name}{{", StringComparison.Ordinal));
        return double.Parse(line.Split(' ')[^1], CultureInfo.InvariantCulture);
    }
}
