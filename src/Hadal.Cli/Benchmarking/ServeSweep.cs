using System.Diagnostics;
using Hadal.Caching;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tokenization;

namespace Hadal.Cli.Benchmarking;

/// <summary>
/// Measures requests at the same time: each of so many clients submits one after another, of random tokens, and reads it to its
/// end. A prefix that all prompts share is in the cache before the clock starts.
/// </summary>
internal sealed class ServeSweep(DeepSeekModel model, DeepSeekTokenizer tokenizer)
{
    private const ulong Seed = 1;

    /// <summary>Tokens of a prompt beyond the shared ones.</summary>
    public required int PromptTokens { get; init; }

    /// <summary>Tokens generated for a request.</summary>
    public required int GeneratedTokens { get; init; }

    /// <summary>Tokens guessed ahead of each text; null for as it pays.</summary>
    public required int? Drafts { get; init; }

    /// <summary>Requests of a client.</summary>
    public required int Requests { get; init; }

    /// <summary>Tokens of the cache that a measurement needs.</summary>
    public long CacheTokens(int concurrent, int shared) =>
        PagedCache.PagesFor(shared) * (long)PagedCache.PageTokens
        + concurrent
            * (
                (long)PagedCache.PagesFor(PromptTokens + GeneratedTokens) * PagedCache.PageTokens
                + PagedCache.PageTokens
            );

    /// <param name="concurrent">Clients.</param>
    /// <param name="shared">Tokens that all prompts begin with.</param>
    /// <param name="cancellationToken">Gives all requests up.</param>
    public async Task<ServeCost> MeasureAsync(
        int concurrent,
        int shared,
        CancellationToken cancellationToken
    )
    {
        var random = new SplitMix64(Seed);
        var first = new List<TimeSpan>();
        var between = new List<TimeSpan>();
        long drafted = 0;
        long accepted = 0;
        using var engine = new InferenceEngine(
            model,
            tokenizer,
            new EngineOptions
            {
                CacheTokens = checked((int)CacheTokens(concurrent, shared)),
                Drafts = Drafts,
            }
        );
        int[] prefix = Tokens(shared);
        if (shared > 0)
            await Read(engine.Submit([.. prefix, 0], Options(1)), [], []).ConfigureAwait(false);
        int[][][] prompts =
        [
            .. Enumerable
                .Range(0, concurrent)
                .Select(_ =>
                    Enumerable
                        .Range(0, Requests)
                        .Select(_ => (int[])[.. prefix, .. Tokens(PromptTokens)])
                        .ToArray()
                ),
        ];
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(prompts.Select(Client)).ConfigureAwait(false);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new ServeCost(
            concurrent,
            shared,
            (double)concurrent * Requests * GeneratedTokens / seconds,
            Part(first, 0.5),
            Part(between, 0.5),
            Part(between, 0.99),
            accepted / (double)drafted
        );

        async Task Client(int[][] own)
        {
            foreach (int[] prompt in own)
            {
                var times = new List<TimeSpan>();
                await Read(engine.Submit(prompt, Options(GeneratedTokens)), first, times)
                    .ConfigureAwait(false);
                lock (between)
                    between.AddRange(times);
            }
        }

        async Task Read(InferenceRequest request, List<TimeSpan> firsts, List<TimeSpan> betweens)
        {
            long last = Stopwatch.GetTimestamp();
            bool isFirst = true;
            await foreach (
                GeneratedToken _ in request
                    .WithCancellation(cancellationToken)
                    .ConfigureAwait(false)
            )
            {
                long now = Stopwatch.GetTimestamp();
                TimeSpan time = Stopwatch.GetElapsedTime(last, now);
                last = now;
                if (!isFirst)
                {
                    betweens.Add(time);
                    continue;
                }
                isFirst = false;
                lock (first)
                    firsts.Add(time);
            }
            Interlocked.Add(ref drafted, request.Usage.DraftedTokens);
            Interlocked.Add(ref accepted, request.Usage.AcceptedTokens);
        }

        int[] Tokens(int count)
        {
            var tokens = new int[count];
            foreach (ref int token in tokens.AsSpan())
                token = (int)(random.Next() % (ulong)model.Config.VocabSize);
            return tokens;
        }
    }

    private static GenerationOptions Options(int tokens) =>
        new()
        {
            StopAtEos = false,
            Sampling = new SamplingOptions { Temperature = 1, Seed = Seed },
            Stop = new StopConditions { MaxTokens = tokens },
        };

    // The least value that so many of them do not exceed.
    private static TimeSpan Part(List<TimeSpan> times, double part)
    {
        times.Sort();
        return times.Count == 0
            ? TimeSpan.Zero
            : times[Math.Clamp((int)Math.Ceiling(part * times.Count) - 1, 0, times.Count - 1)];
    }
}
