using System.Text.Json;
using Hadal.Load.Plans;
using Hadal.Load.Running;
using Hadal.Load.Streams;
using Microsoft.AspNetCore.Http;

namespace Hadal.Tests.Load;

/// <summary>The load generator tells what servers do, wrong things above all.</summary>
public sealed class LoadRunTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Answers_are_counted_and_compared()
    {
        await using StubServer server = await StubServer.StartAsync(
            (_, http) => StubServer.AnswerAsync(http, "deep ", "sea")
        );
        LoadReport report = await RunAsync(Plan(server) with { Compared = 1 });
        Assert.Equal(12, report.Outcomes[StreamOutcome.Ok]);
        Assert.Equal(12 * 7, report.Tokens);
        Assert.Equal(12, report.Compared);
        Assert.Empty(report.Differing);
        Assert.True(report.IsClean);
        Assert.True(report.FirstToken.Part(0.5) > 0);
        Assert.True(report.OwnProcessor > TimeSpan.Zero);
    }

    [Theory]
    [InlineData("deep ", "sky", "differ from character 6")]
    [InlineData("deep ", "sea!", "alone 7")]
    [InlineData("dee", "", "differ from character 3")]
    public async Task Answer_that_is_another_alone_is_told(
        string first,
        string second,
        string message
    )
    {
        await using StubServer server = await StubServer.StartAsync(
            (index, http) =>
                index < 12
                    ? StubServer.AnswerAsync(http, "deep ", "sea")
                    : StubServer.AnswerAsync(http, first, second)
        );
        LoadReport report = await RunAsync(Plan(server) with { Compared = 1 });
        Assert.Equal(12, report.Differing.Count);
        Assert.All(
            report.Differing,
            line => Assert.Contains(message, line, StringComparison.Ordinal)
        );
        Assert.False(report.IsClean);
    }

    [Theory]
    [InlineData(429, nameof(StreamOutcome.QueueFull))]
    [InlineData(503, nameof(StreamOutcome.Unavailable))]
    [InlineData(400, nameof(StreamOutcome.Refused))]
    public async Task Refusals_are_told_apart(int status, string outcome)
    {
        await using StubServer server = await StubServer.StartAsync(
            (_, http) =>
            {
                http.Response.StatusCode = status;
                return http.Response.WriteAsync("""{"error":{"message":"not so"}}""");
            }
        );
        LoadReport report = await RunAsync(Plan(server));
        Assert.Equal(12, report.Outcomes[Enum.Parse<StreamOutcome>(outcome)]);
        Assert.Equal([KeyValuePair.Create($"{status}: not so", 12)], report.Messages);
        Assert.False(report.IsClean);
    }

    [Fact]
    public async Task Stream_that_breaks_off_is_no_answer()
    {
        await using StubServer server = await StubServer.StartAsync(
            async (index, http) =>
            {
                const string chunk =
                    """{"choices":[{"index":0,"text":"a","finish_reason":null}]}""";
                string[] more = (index % 3) switch
                {
                    0 => ["""{"error":{"message":"stopping"}}"""],
                    1 => [],
                    _ => ["{"],
                };
                await StubServer.StreamAsync(http, [chunk, .. more]);
            }
        );
        LoadReport report = await RunAsync(Plan(server));
        Assert.Equal(4, report.Outcomes[StreamOutcome.ErrorEvent]);
        Assert.Equal(8, report.Outcomes[StreamOutcome.Broken]);
        Assert.Equal(4, report.Messages["stopping"]);
        Assert.Equal(12, report.Tokens);
    }

    [Fact]
    public async Task Server_that_is_not_there_is_told()
    {
        StubServer server = await StubServer.StartAsync((_, _) => Task.CompletedTask);
        Uri address = server.Address;
        await server.DisposeAsync();
        LoadReport report = await RunAsync(
            new LoadPlan
            {
                Server = address,
                Connections = 1,
                Requests = 2,
            }
        );
        Assert.Equal(2, report.Outcomes[StreamOutcome.Broken]);
        Assert.Contains("refused", report.Messages.Keys.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Clients_leave_as_planned()
    {
        int aborted = 0;
        await using StubServer server = await StubServer.StartAsync(
            async (_, http) =>
            {
                try
                {
                    await StubServer.StreamAsync(
                        http,
                        """{"choices":[{"index":0,"text":"a","finish_reason":null}]}"""
                    );
                    await Task.Delay(Timeout.Infinite, http.RequestAborted);
                }
                catch (OperationCanceledException)
                {
                    Interlocked.Increment(ref aborted);
                }
            }
        );
        LoadReport report = await RunAsync(
            Plan(server) with
            {
                Disconnects = 0.5,
                Cancels = 0.5,
                MaxTokens = 1,
            }
        );
        Assert.Equal(
            12,
            report.Outcomes[StreamOutcome.Disconnected] + report.Outcomes[StreamOutcome.Cancelled]
        );
        Assert.True(report.IsClean);
        // One may have left before its request was whole.
        Waiting.Until(() => Volatile.Read(ref aborted) >= report.Outcomes[StreamOutcome.Cancelled]);
    }

    [Fact]
    public void Same_seed_sends_the_same_requests()
    {
        LoadPlan plan = new()
        {
            Server = new("http://localhost"),
            Connections = 1,
            Disconnects = 0.3,
            Cancels = 0.3,
            Compared = 0.5,
            PromptTokens = 10,
            SharedTokens = 4,
        };
        var bodies = new RequestBodies(plan);
        Assert.Equal(bodies.Write(5), new RequestBodies(plan).Write(5));
        Assert.Equal(plan.Request(5), plan.Request(5));
        Assert.NotEqual(bodies.Write(5), new RequestBodies(plan with { Seed = 2 }).Write(5));
        int[][] prompts = [.. Enumerable.Range(0, 50).Select(Prompt)];
        Assert.All(prompts, prompt => Assert.Equal(10, prompt.Length));
        Assert.Single(prompts.Select(prompt => string.Join(',', prompt[..4])).Distinct());
        Assert.Equal(50, prompts.Select(prompt => string.Join(',', prompt)).Distinct().Count());
        Assert.Equal(
            3,
            Enumerable.Range(0, 50).Select(i => plan.Request(i).Leaving).Distinct().Count()
        );

        int[] Prompt(int index)
        {
            using var body = JsonDocument.Parse(bodies.Write(index));
            return
            [
                .. body
                    .RootElement.GetProperty("prompt")
                    .EnumerateArray()
                    .Select(id => id.GetInt32()),
            ];
        }
    }

    private static LoadPlan Plan(StubServer server) =>
        new()
        {
            Server = server.Address,
            Connections = 3,
            Requests = 12,
            MaxTokens = 4,
        };

    private static async Task<LoadReport> RunAsync(LoadPlan plan)
    {
        using var run = new LoadRun(plan);
        return await run.RunAsync(Cancellation).Soon();
    }
}
