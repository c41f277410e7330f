using System.Globalization;
using System.Text;
using Hadal.Cli.Batching;
using Hadal.Inference;
using Hadal.Server;
using Hadal.Server.Loading;
using Hadal.Server.Metrics;
using Hadal.Tests.Inference;
using Hadal.Tests.Server;
using Microsoft.Extensions.DependencyInjection;

namespace Hadal.Tests.Cli.Batching;

public sealed class BatchRunTests(HeldEngine held) : IClassFixture<HeldEngine>
{
    private const int Places = 4;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task All_places_of_the_engine_are_busy_until_the_end()
    {
        const int count = 20;
        using InferenceEngine engine = held.NewEngine();
        using var batch = new Batch(
            Enumerable.Range(0, count).Select(i => Batch.Completion($"{i}", i, 2 + i % 5))
        );
        await using OfflineApi api = await StartAsync(engine);
        using BatchOutput output = await BatchOutput.OpenAsync(batch.Output, Cancellation);
        double bytes = 0;
        var gate = new Lock();
        Task run = new BatchRun(api, new BatchInput(batch.Input, 1 << 20), output).RunAsync(
            done =>
            {
                lock (gate)
                    bytes += done;
            },
            Cancellation
        );
        while (true)
        {
            // As many as may be under way are, or all that are left.
            int done = 0;
            Waiting.Until(() =>
            {
                done = batch.Lines().Length;
                return UnderWay(api) == Math.Min(2 * Places, count - done);
            });
            if (done == count)
                break;
            Assert.True(engine.Step());
        }
        await run.Soon();
        Assert.Equal(count, batch.Answers.Length);
        Assert.Equal(new FileInfo(batch.Input).Length, bytes);
        engine.MustBeUnused();
    }

    [Fact]
    public async Task Engine_that_ends_is_no_answer()
    {
        InferenceEngine engine = held.NewEngine();
        using var batch = new Batch(Batch.Requests(3, 4));
        await using OfflineApi api = await StartAsync(engine);
        using BatchOutput output = await BatchOutput.OpenAsync(batch.Output, Cancellation);
        Task run = new BatchRun(api, new BatchInput(batch.Input, 1 << 20), output).RunAsync(
            _ => { },
            Cancellation
        );
        Waiting.Until(() => UnderWay(api) == 3);
        api.Services.GetRequiredService<HadalModel>().Drain();
        engine.Dispose();
        var error = await Assert.ThrowsAsync<HadalException>(() => run.Soon());
        Assert.Contains("was not answered", error.Message, StringComparison.Ordinal);
        Assert.Empty(batch.Answers);
    }

    [Theory]
    [InlineData("ab\ncdefg\n\nhi", "ab,3,True|,6,True|,1,True|hi,2,False")]
    [InlineData("abcd\n", "abcd,5,True")]
    [InlineData("", "")]
    public async Task Lines_are_read_within_bounds(string text, string expected)
    {
        List<string> lines = [];
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
        await foreach (Line line in LineReader.ReadAsync(stream, 4, Cancellation))
            lines.Add(
                $"{(line.Content is { } content ? Encoding.UTF8.GetString(content) : "")},{line.Bytes},{line.IsEnded}"
            );
        Assert.Equal(expected, string.Join('|', lines));
    }

    [Fact]
    public async Task Line_of_any_length_takes_no_memory()
    {
        using var batch = new Batch(
            Batch.Completion("a", 1, 1),
            new string('x', 8 << 20),
            Batch.Completion("b", 1, 1)
        );
        List<BatchRequest> requests = [];
        await foreach (
            BatchRequest one in new BatchInput(batch.Input, 1000).ReadAsync(Cancellation)
        )
            requests.Add(one);
        Assert.Equal(["a", null, "b"], requests.Select(request => request.CustomId));
        Assert.Equal(413, requests[1].Error!.Status);
        Assert.Equal(new FileInfo(batch.Input).Length, requests.Sum(request => request.FileBytes));
    }

    private Task<OfflineApi> StartAsync(InferenceEngine engine) =>
        OfflineApi.StartAsync(
            options =>
            {
                options.Model = held.Folder;
                options.MaxConcurrentRequests = Places;
                options.DrainTime = TimeSpan.Zero;
            },
            services =>
                services.AddSingleton<ModelSource>(
                    new ServerApp.Source(_ => new LoadedModel(new(engine), new()))
                ),
            Cancellation
        );

    /// <summary>Requests that the engine has, in its queue or in steps.</summary>
    private static int UnderWay(OfflineApi api)
    {
        string metrics = api.Services.GetRequiredService<ServerMetrics>().Write();
        return Value("vllm:num_requests_running") + Value("vllm:num_requests_waiting");

        int Value(string name)
        {
            string line = metrics
                .Split('\n')
                .Single(l => l.StartsWith($"{name}{{", StringComparison.Ordinal));
            return int.Parse(line.Split(' ')[^1], CultureInfo.InvariantCulture);
        }
    }
}
