using Hadal.Caching;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tests.Tokenization;

namespace Hadal.Tests.Inference;

/// <summary>
/// Requests from several threads for a while, many of them given up or cancelled at any moment: no page is lost, no memory grows,
/// and every answer is that of the request alone. Longer by HADAL_SOAK_SECONDS.
/// </summary>
[Collection(nameof(WholeProcess))]
public sealed class SoakTests(ITestOutputHelper output)
{
    private const int Clients = 12;
    private const int Prompts = 8;

    private static readonly TimeSpan s_time = TimeSpan.FromSeconds(
        int.Parse(
            Environment.GetEnvironmentVariable("HADAL_SOAK_SECONDS")
                ?? (Environment.GetEnvironmentVariable("HADAL_TEST_ALL") == "1" ? "600" : "40"),
            System.Globalization.CultureInfo.InvariantCulture
        )
    );

    [Fact]
    public async Task Nothing_is_lost_and_nothing_grows()
    {
        var options = new ModelOptions
        {
            MaxStepTokens = 64,
            MaxSequences = 8,
            MaxLogitRows = 24,
            MaxContextTokens = 256,
            LoadPredictor = true,
        };
        using DeepSeekModel model = TestModels.Load("random-a", options, threads: 1);
        // Room for four of the longest: texts lose their places again and again.
        using var engine = new InferenceEngine(
            model,
            TestTokenizers.Bytes,
            new EngineOptions { CacheTokens = 1024, Drafts = 2 }
        );
        int[][] expected = [.. Enumerable.Range(0, Prompts).Select(Alone)];
        long requests = 0;
        long answers = 0;
        int isWarm = 0;
        ProcessSizes warm = default;
        long start = TimeProvider.System.GetTimestamp();
        await Task.WhenAll(
            Enumerable.Range(0, Clients).Select(client => Task.Run(() => Client(client)))
        );
        // Requests that were given up end with the step under way.
        Waiting.Until(() => engine.Cache.Statistics.ReferencedPages == 0);
        CacheStatistics pages = engine.Cache.Statistics;
        var last = ProcessSizes.Now();
        output.WriteLine(
            $"{requests} requests, {answers} answered; {pages.Hits} hits, {pages.Evictions} evictions; managed {warm.Managed} to {last.Managed} bytes, resident {warm.Resident} to {last.Resident}"
        );
        Assert.Equal(engine.Cache.PageCount, pages.FreePages + pages.CachedPages);
        Assert.True(answers > Prompts);
        // A list that never shrinks would have grown with thousands of requests.
        Assert.InRange(last.Managed, 0, warm.Managed + (4 << 20));
        Assert.InRange(last.Resident, 0, warm.Resident + (64 << 20));

        async Task Client(int client)
        {
            var random = new SplitMix64((ulong)client);
            while (TimeProvider.System.GetElapsedTime(start) < s_time)
            {
                int which = (int)(random.Next() % Prompts);
                int end = (int)(random.Next() % 40);
                bool givesUp = random.Next() % 4 == 0;
                bool cancels = random.Next() % 8 == 0;
                using var source = new CancellationTokenSource();
                // At any moment, in the queue or in a step.
                bool leaves = random.Next() % 6 == 0;
                if (leaves)
                    source.CancelAfter(TimeSpan.FromMilliseconds(random.Next() % 50));
                InferenceRequest request = engine.Submit(Prompt(which), Options(which));
                var ids = new List<int>();
                try
                {
                    await foreach (GeneratedToken token in request.WithCancellation(source.Token))
                    {
                        if (token.Choice == 0 && token.Id >= 0)
                            ids.Add(token.Id);
                        if (ids.Count == end && givesUp)
                            await source.CancelAsync();
                        if (ids.Count == end && cancels)
                            request.Cancel();
                    }
                    Assert.Equal(expected[which].Take(ids.Count), ids);
                    if (request.FinishReasons[0] != FinishReason.Cancelled)
                    {
                        Assert.Equal(expected[which].Length, ids.Count);
                        Interlocked.Increment(ref answers);
                    }
                }
                catch (OperationCanceledException) when (givesUp || leaves)
                {
                    Assert.Equal(expected[which].Take(ids.Count), ids);
                }
                Interlocked.Increment(ref requests);
                // By then pools and compiled code have their size.
                if (
                    TimeProvider.System.GetElapsedTime(start) > s_time / 4
                    && Interlocked.Exchange(ref isWarm, 1) == 0
                )
                    warm = ProcessSizes.Now();
            }
        }

        int[] Alone(int which)
        {
            using InferenceEngine alone = Engines.Stepped(model, TestTokenizers.Bytes);
            InferenceRequest request = alone.Submit(
                Prompt(which),
                Options(which) with
                {
                    Choices = 1,
                }
            );
            alone.Finish();
            return request.Tokens().Ids();
        }
    }

    // Some begin alike.
    private static int[] Prompt(int which) =>
        [.. Enumerable.Range(0, 20 + 20 * which).Select(i => (i * 37 + which % 3) % 320)];

    private static GenerationOptions Options(int which) =>
        new()
        {
            StopAtEos = false,
            Choices = 1 + which % 2,
            Sampling = new SamplingOptions { Temperature = 0.8f, Seed = (ulong)which },
            Stop = new StopConditions { MaxTokens = 8 + 3 * which },
        };
}
