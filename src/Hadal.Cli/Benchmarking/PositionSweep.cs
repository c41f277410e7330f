using System.Diagnostics;
using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Model;
using Hadal.Tensors;

namespace Hadal.Cli.Benchmarking;

/// <summary>
/// Measures what a token costs at positions of a context. Contexts are not computed: their caches are filled with random
/// latents and keys. A model and a cache of just the size needed are made for each measurement, and freed after it.
/// </summary>
internal sealed class PositionSweep(Checkpoint checkpoint, Device device)
{
    private const ulong Seed = 1;

    /// <summary>Tokens of a prefill step.</summary>
    public required int PrefillTokens { get; init; }

    /// <summary>Tokens decoded, one after another.</summary>
    public required int DecodeTokens { get; init; }

    /// <summary>Measurements of each, of which the median counts.</summary>
    public required int Repeats { get; init; }

    /// <summary>
    /// Whether the process's own processor time is measured: with one thread it is what a quiet machine takes, more or less,
    /// even where others keep it busy.
    /// </summary>
    public required bool ByProcessorTime { get; init; }

    /// <summary>Whether each measurement is done once more, to see which operations the time goes to.</summary>
    public required bool TimesOps { get; init; }

    /// <summary>Tokens that a sequence has room for beyond its context.</summary>
    public int RoomNeeded => Math.Max(PrefillTokens, DecodeTokens);

    /// <param name="context">Tokens in the cache.</param>
    /// <param name="attention">What the result calls it.</param>
    /// <param name="options">How to load the model, but for the sizes of steps.</param>
    /// <param name="cancellationToken">Looked at between layers.</param>
    public CostAtPosition Measure(
        int context,
        string attention,
        ModelOptions options,
        CancellationToken cancellationToken
    )
    {
        int length = context + RoomNeeded;
        using DeepSeekModel model = DeepSeekModel.Load(
            checkpoint,
            device,
            options with
            {
                MaxStepTokens = PrefillTokens,
                MaxContextTokens = length,
            },
            cancellationToken: cancellationToken
        );
        using PagedCache cache = model.CreateCache(length);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        var random = new SplitMix64(Seed);
        int[] tokens = new int[RoomNeeded];
        foreach (ref int token in tokens.AsSpan())
            token = (int)(random.Next() % (ulong)model.Config.VocabSize);
        while (sequence.Length < context)
        {
            cancellationToken.ThrowIfCancellationRequested();
            batch.Clear();
            batch.Add(
                sequence,
                tokens.AsSpan(0, Math.Min(PrefillTokens, context - sequence.Length)),
                RowKind.Prefill,
                LogitRows.None
            );
            model.FillRandomly(batch, random.Next());
        }

        double prefill = Median(Prefill) / PrefillTokens;
        IReadOnlyList<OpTime> prefillOps = OpsOf(Prefill);
        double decode = Median(Decode) / DecodeTokens;
        return new CostAtPosition(context, attention, prefill, decode)
        {
            PrefillOps = prefillOps,
            DecodeOps = OpsOf(Decode),
        };

        void Prefill() => Step(tokens.AsSpan(0, PrefillTokens), RowKind.Prefill);

        void Decode()
        {
            for (int i = 0; i < DecodeTokens; i++)
                Step(tokens.AsSpan(i, 1), RowKind.Decode);
        }

        void Step(ReadOnlySpan<int> next, RowKind kind)
        {
            batch.Clear();
            batch.Add(sequence, next, kind);
            model.Forward(batch, cancellationToken);
        }

        IReadOnlyList<OpTime> OpsOf(Action action)
        {
            if (!TimesOps)
                return [];
            batch.Clock = new OpClock();
            action();
            sequence.Truncate(context);
            IReadOnlyList<OpTime> times = batch.Clock.Times;
            batch.Clock = null;
            return times;
        }

        double Median(Action action)
        {
            var seconds = new double[Repeats];
            action(); // Brings weights and code into memory.
            for (int i = 0; i < Repeats; i++)
            {
                sequence.Truncate(context);
                TimeSpan start = Now();
                action();
                seconds[i] = (Now() - start).TotalSeconds;
            }
            sequence.Truncate(context);
            Array.Sort(seconds);
            return (seconds[(Repeats - 1) / 2] + seconds[Repeats / 2]) / 2;
        }
    }

    private TimeSpan Now() =>
        ByProcessorTime
            ? Environment.CpuUsage.TotalTime
            : Stopwatch.GetElapsedTime(0, Stopwatch.GetTimestamp());
}
