using System.Collections.Concurrent;
using CsCheck;
using Hadal.Caching;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Model;
using Hadal.Tests.Tokenization;

namespace Hadal.Tests.Inference;

/// <summary>Whatever comes and goes, each text has the bits that it has alone, and no page is lost.</summary>
public sealed class ScheduleTests : IDisposable
{
    /// <summary>More by HADAL_SCHEDULES.</summary>
    private static readonly uint s_count = uint.Parse(
        Environment.GetEnvironmentVariable("HADAL_SCHEDULES")
            ?? (Environment.GetEnvironmentVariable("HADAL_TEST_ALL") == "1" ? "300" : "24"),
        System.Globalization.CultureInfo.InvariantCulture
    );

    private readonly ConcurrentDictionary<(string, int, ModelOptions), DeepSeekModel> _models = [];

    public void Dispose()
    {
        foreach (DeepSeekModel model in _models.Values)
            model.Dispose();
    }

    [Fact]
    public void Random_schedules_change_no_text_and_lose_no_page()
    {
        for (uint i = 0; i < s_count; i++)
            Schedule.Any.Sample(Run, seed: new PCG(i, 15).ToString(), iter: 1, threads: 1);
    }

    private void Run(Schedule schedule)
    {
        DeepSeekModel model = _models.GetOrAdd(
            (schedule.ModelName, schedule.Threads, schedule.Options),
            static key => TestModels.Load(key.Item1, key.Item3, key.Item2)
        );
        string[] alone = [.. schedule.Requests.Select(request => Alone(model, request))];

        using InferenceEngine engine = Engines.Stepped(
            model,
            TestTokenizers.Bytes,
            schedule.CacheTokens,
            new EngineOptions { Drafts = schedule.Drafts == 4 ? null : schedule.Drafts }
        );
        var requests = new InferenceRequest?[alone.Length];
        var readers = new IAsyncEnumerator<GeneratedToken>?[alone.Length];
        var sources = new CancellationTokenSource[alone.Length];
        int mostSteps = 60 + 3 * schedule.Requests.Sum(request => request.AllTokens);
        int last = schedule.Requests.Max(request => request.Arrival + 20);
        bool isBusy = true;
        for (int step = 0; isBusy || step <= last; step++)
        {
            Assert.InRange(step, 0, mostSteps);
            for (int i = 0; i < requests.Length; i++)
            {
                PlannedRequest planned = schedule.Requests[i];
                if (step == planned.Arrival)
                {
                    requests[i] = engine.Submit(planned.Prompt, planned.Options);
                    sources[i] = new CancellationTokenSource();
                    readers[i] = requests[i]!.GetAsyncEnumerator(sources[i].Token);
                }
                else if (planned.IsGivenUp && step == planned.Arrival + 1 + planned.End)
                {
                    sources[i].Cancel();
                }
                else if (planned.IsCancelled && step == planned.Arrival + planned.End - 9)
                {
                    requests[i]!.Cancel();
                }
            }
            isBusy = engine.Step();
            CacheStatistics pages = engine.Cache.Statistics;
            Assert.Equal(
                engine.Cache.PageCount,
                pages.FreePages + pages.CachedPages + pages.ReferencedPages
            );
            Assert.Equal(PagesOf(requests), pages.ReferencedPages);
        }
        engine.MustBeUnused();
        for (int i = 0; i < requests.Length; i++)
            Compare(schedule.Requests[i], alone[i], requests[i]!, readers[i]!);
    }

    private static int PagesOf(InferenceRequest?[] requests) =>
        requests
            .SelectMany(request => request is null ? [] : request.Choices.ToArray())
            .SelectMany(text => text.Sequence is null ? [] : text.Sequence.Pages.ToArray())
            .Distinct()
            .Count();

    private static void Compare(
        PlannedRequest planned,
        string alone,
        InferenceRequest request,
        IAsyncEnumerator<GeneratedToken> reader
    )
    {
        if (planned.IsGivenUp)
        {
            try
            {
                Assert.Equal(alone, Text(request, reader));
            }
            catch (OperationCanceledException) { }
            return;
        }
        string text = Text(request, reader);
        if (!request.FinishReasons.Contains(FinishReason.Cancelled))
            Assert.Equal(alone, text);
    }

    // All that a request gives, bit for bit.
    private static string Text(InferenceRequest request, IAsyncEnumerator<GeneratedToken> reader)
    {
        var texts = new List<string>();
        foreach (TokenLogProbs? prompt in request.PromptLogProbs)
            texts.Add($"p {Bits(prompt)}");
        var choices = new SortedDictionary<int, List<string>>();
        while (reader.MoveNextAsync().Preserve().GetAwaiter().GetResult())
        {
            GeneratedToken token = reader.Current;
            if (!choices.TryGetValue(token.Choice, out List<string>? choice))
                choices.Add(token.Choice, choice = []);
            choice.Add($"{token.Id} '{token.Text}' {token.FinishReason} {Bits(token.LogProbs)}");
        }
        return string.Join('\n', texts.Concat(choices.Values.SelectMany(choice => choice)));

        static string Bits(TokenLogProbs? probs) =>
            probs is null
                ? "-"
                : string.Join(
                    ' ',
                    probs
                        .Top.Prepend(probs.Token)
                        .Select(p => $"{p.Id}:{BitConverter.SingleToUInt32Bits(p.LogProb):x}")
                );
    }

    private static string Alone(DeepSeekModel model, PlannedRequest planned)
    {
        using InferenceEngine engine = Engines.Stepped(model, TestTokenizers.Bytes, 4096);
        InferenceRequest request = engine.Submit(planned.Prompt, planned.Options);
        engine.Finish();
        return Text(request, request.GetAsyncEnumerator());
    }
}
