using Hadal.Caching;
using Hadal.Load.Plans;
using Hadal.Load.Running;
using Hadal.Load.Streams;
using Hadal.Server.Http;
using Hadal.Tests.Model;
using Microsoft.Extensions.DependencyInjection;

namespace Hadal.Tests.Server;

/// <summary>
/// Many connections at once, of which some break and some are given up at any moment: no page is lost, no memory grows, nobody is
/// refused, and answers are those of the requests alone. HADAL_TEST_ALL makes it 1,000 connections and 10,000 requests.
/// </summary>
[Collection(nameof(WholeProcess))]
public sealed class SoakTests(ITestOutputHelper output)
{
    private static readonly bool s_isLong =
        Environment.GetEnvironmentVariable("HADAL_TEST_ALL") == "1";

    [Fact]
    public async Task Nothing_is_lost_and_nothing_grows()
    {
        int connections = s_isLong ? 1000 : 200;
        int requests = s_isLong ? 10_000 : 600;
        using var models = new ChatModels();
        await using ServerApp app = await ServerApp.StartAsync(
            models.V32,
            configure: options =>
            {
                options.Threads = 2;
                // Room for fewer than run: texts lose their places again and again.
                options.CacheTokens = 2048;
                options.MaxConcurrentRequests = 32;
                // A client may be back before the server knows that it had left.
                options.MaxQueuedRequests = 2 * connections;
            }
        );
        LoadPlan plan = new()
        {
            Server = app.Client.BaseAddress!,
            Connections = connections,
            Requests = requests,
            PromptTokens = 70,
            SharedTokens = 64,
            Vocabulary = 2000,
            MaxTokens = 16,
            Temperature = 0.8,
            Disconnects = 0.1,
            Cancels = 0.1,
            Compared = s_isLong ? 0.02 : 0.05,
        };
        // By then pools, compiled code and connections have their size; half as many as the rest.
        await LoadAsync(app, plan with { Requests = requests / 2, IsChat = true, Seed = 2 });
        var warm = ProcessSizes.Now();
        LoadReport report = await LoadAsync(app, plan);
        var last = ProcessSizes.Now();
        // What is kept of requests grows in every round; what the process took for itself meanwhile does not.
        for (int more = 0; more < 2 && !IsSteady(warm, last); more++)
        {
            warm = last;
            _ = await LoadAsync(app, plan with { Seed = 3 + (ulong)more });
            last = ProcessSizes.Now();
        }
        CacheStatistics pages = app.Engine.Cache.Statistics;
        output.WriteLine(
            $"{string.Join(", ", report.Outcomes.Where(o => o.Value > 0))}, {report.LeftBeforeText} before any text; {report.Compared} compared; {report.Tokens} tokens in {report.Wall.TotalSeconds:0.0} s, generator's processor {report.OwnProcessor.TotalSeconds:0.0} s"
        );
        output.WriteLine(
            $"{pages}; managed {warm.Managed >> 10} to {last.Managed >> 10} KiB, resident {warm.Resident >> 20} to {last.Resident >> 20} MiB"
        );
        // Both kinds of leaving happened, in all three places.
        Assert.InRange(report.Outcomes[StreamOutcome.Disconnected], 1, requests / 5);
        Assert.InRange(report.Outcomes[StreamOutcome.Cancelled], requests / 20, requests / 5);
        Assert.InRange(report.LeftBeforeText, 1, report.Outcomes[StreamOutcome.Disconnected]);
        Assert.True(IsSteady(warm, last), $"Memory grew from {warm} to {last} in each round");
    }

    private static async Task<LoadReport> LoadAsync(ServerApp app, LoadPlan plan)
    {
        using var run = new LoadRun(plan);
        LoadReport report = await run.RunAsync(TestContext.Current.CancellationToken);
        Assert.Empty(report.Messages);
        Assert.Empty(report.Differing);
        Assert.NotEqual(0, report.Compared);
        Assert.True(report.IsClean);
        Assert.Equal(plan.Requests, report.Outcomes.Values.Sum());
        // Requests that were given up end with the step under way.
        var gate = app.Services.GetRequiredService<RequestGate>();
        Waiting.Until(() => gate.Count == 0 && app.Engine.Cache.Statistics.ReferencedPages == 0);
        CacheStatistics pages = app.Engine.Cache.Statistics;
        Assert.Equal(app.Engine.Cache.PageCount, pages.FreePages + pages.CachedPages);
        return report;
    }

    private static bool IsSteady(ProcessSizes before, ProcessSizes now) =>
        now.Managed <= before.Managed + (2 << 20) && now.Resident <= before.Resident + (64 << 20);
}
