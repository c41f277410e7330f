using Hadal.Generation;

namespace Hadal.Tests.Generation;

/// <summary>The filters as their definitions read, in double precision with full sorts.</summary>
internal static class NaiveSampling
{
    /// <summary>The probability of each token after every filter; 0 for those filtered out.</summary>
    public static double[] Probabilities(
        float[] logits,
        SamplingOptions options,
        IReadOnlySet<int> seen
    )
    {
        double[] scores =
        [
            .. logits.Select(
                (l, id) =>
                    // f32, as the sampler states its logits
                    (double)(
                        !seen.Contains(id) ? l
                        : l > 0 ? l / options.RepetitionPenalty
                        : l * options.RepetitionPenalty
                    ) / options.Temperature
            ),
        ];
        double[] p = Softmax(scores);
        double best = p.Max();
        for (int id = 0; id < p.Length; id++)
        {
            if (p[id] < options.MinP * best)
                p[id] = 0;
        }
        int[] ranked =
        [
            .. Enumerable.Range(0, p.Length).OrderByDescending(id => scores[id]).ThenBy(id => id),
        ];
        if (options.TopK > 0)
        {
            foreach (int id in ranked.Skip(options.TopK))
                p[id] = 0;
        }
        double left = p.Sum();
        double before = 0;
        foreach (int id in ranked)
        {
            double own = p[id];
            // 1 keeps all, though rounding may let the sum reach it early.
            if (options.TopP < 1 && before >= options.TopP * left)
                p[id] = 0;
            before += own;
        }
        left = p.Sum();
        return [.. p.Select(x => x / left)];
    }

    private static double[] Softmax(double[] scores)
    {
        double max = scores.Max();
        double[] weights = [.. scores.Select(s => Math.Exp(s - max))];
        double sum = weights.Sum();
        return [.. weights.Select(w => w / sum)];
    }
}
