using Hadal.Caching;
using Hadal.Model;

namespace Hadal.Tests.Model;

/// <summary>What Hadal makes of a golden prompt and its forced continuation, against the reference.</summary>
internal sealed class GoldenRun
{
    private GoldenRun(int prompt) => Prompt = prompt;

    public int Prompt { get; }

    /// <summary>‖logits − logits_f32‖ / ‖logits_f32‖ of each step.</summary>
    public List<double> Errors { get; } = [];

    /// <summary>The same of the reference's own bf16 run.</summary>
    public List<double> ReferenceErrors { get; } = [];

    /// <summary>Of each (step, layer): the part of the reference's index set that was chosen too.</summary>
    public List<double> IndexOverlaps { get; } = [];

    /// <summary>Of each (step, layer): whether the experts are the reference's.</summary>
    public List<bool> ExpertsEqual { get; } = [];

    /// <summary>Steps whose best token is not the reference's though its two best logits are further apart than the error.</summary>
    public List<string> WrongTokens { get; } = [];

    /// <summary>Runs a prompt and as many steps of its continuation as asked for.</summary>
    public static GoldenRun Of(
        DeepSeekModel model,
        string name,
        int prompt,
        int steps = int.MaxValue
    )
    {
        using var golden = new Golden(name, prompt);
        var run = new GoldenRun(prompt);
        var trace = new ModelTrace();
        using PagedCache cache = model.CreateCache(golden.Ids.Length + golden.Tokens.Length);
        using CachedSequence sequence = cache.CreateSequence();
        using StepBatch batch = model.CreateBatch(cache);
        batch.Trace = trace;
        for (int step = 0; step < Math.Min(steps, golden.Tokens.Length); step++)
        {
            ReadOnlySpan<int> tokens = step == 0 ? golden.Ids : golden.Tokens.Slice(step - 1, 1);
            run.Add(golden, step, Feed(model, batch, sequence, tokens), trace);
        }
        return run;
    }

    /// <summary>Feeds a prompt in chunks of what a step takes, or decodes one token; the logits are those of the last.</summary>
    public static float[] Feed(
        DeepSeekModel model,
        StepBatch batch,
        CachedSequence sequence,
        ReadOnlySpan<int> tokens,
        int chunk = int.MaxValue,
        RowKind? kind = null
    )
    {
        RowKind rows = kind ?? (tokens.Length == 1 ? RowKind.Decode : RowKind.Prefill);
        chunk = Math.Min(chunk, model.Options.MaxStepTokens);
        while (tokens.Length > chunk)
        {
            batch.Clear();
            batch.Add(sequence, tokens[..chunk], rows, LogitRows.None);
            model.Forward(batch, TestContext.Current.CancellationToken);
            tokens = tokens[chunk..];
        }
        batch.Clear();
        batch.Add(sequence, tokens, rows);
        return model.Forward(batch, TestContext.Current.CancellationToken)[0].ToArray();
    }

    private void Add(Golden golden, int step, ReadOnlySpan<float> logits, ModelTrace trace)
    {
        ReadOnlySpan<float> expected = golden.Logits("f32", step);
        double error = Error(logits, expected);
        Errors.Add(error);
        ReferenceErrors.Add(Error(golden.Logits("bf16", step), expected));
        if (IsDecided(expected, Distance(logits, expected)) && Best(logits) != Best(expected))
            WrongTokens.Add($"prompt {Prompt} step {step}: {Best(logits)}, not {Best(expected)}");
        foreach ((int layer, LayerTrace made) in trace.Layers)
        {
            if (golden.Has($"index.{layer}"))
                IndexOverlaps.Add(Overlap(made.Index!, golden.IntRow($"index.{layer}", step)));
            if (golden.Has($"experts.{layer}"))
                ExpertsEqual.Add(
                    made.Experts.AsSpan()
                        .SequenceEqual(
                            golden.IntRow($"experts.{layer}", step).ToArray().Order().ToArray()
                        )
                );
        }
    }

    public static double Error(ReadOnlySpan<float> made, ReadOnlySpan<float> expected) =>
        Distance(made, expected) / Distance(expected, new float[expected.Length]);

    public static double Median(IEnumerable<double> values)
    {
        double[] ordered = [.. values.Order()];
        int middle = ordered.Length / 2;
        return ordered.Length % 2 == 1
            ? ordered[middle]
            : (ordered[middle - 1] + ordered[middle]) / 2;
    }

    private static double Distance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
            sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        return Math.Sqrt(sum);
    }

    /// <summary>Whether no logits within this distance could rank another token first.</summary>
    private static bool IsDecided(ReadOnlySpan<float> logits, double distance)
    {
        float[] ordered = [.. logits.ToArray().OrderDescending().Take(2)];
        return ordered[0] - ordered[1] > distance;
    }

    private static int Best(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[best])
                best = i;
        }
        return best;
    }

    private static double Overlap(ReadOnlySpan<int> made, ReadOnlySpan<int> expected)
    {
        HashSet<int> wanted = [.. expected.ToArray().Where(i => i >= 0)];
        return made.ToArray().Count(wanted.Contains) / (double)wanted.Count;
    }
}
