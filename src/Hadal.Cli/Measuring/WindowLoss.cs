using Hadal.Caching;
using Hadal.Generation;
using Hadal.Model;

namespace Hadal.Cli.Measuring;

/// <summary>How well a model foretells a text: the mean loss over windows of it, each a fresh sequence.</summary>
internal static class WindowLoss
{
    /// <param name="model">
    /// The model, whose steps take as many rows of logits as tokens.
    /// </param>
    /// <param name="ids">The text.</param>
    /// <param name="window">Tokens of a window; the first of each is foretold by nothing, and not counted.</param>
    /// <param name="count">Windows, from the text's begin.</param>
    /// <param name="cancellationToken">Looked at between layers.</param>
    /// <returns>The mean of −ln p over all tokens that are counted.</returns>
    /// <exception cref="LossException">A token's is not finite.</exception>
    public static double Mean(
        DeepSeekModel model,
        ReadOnlySpan<int> ids,
        int window,
        int count,
        CancellationToken cancellationToken
    )
    {
        using PagedCache cache = model.CreateCache(window);
        using StepBatch batch = model.CreateBatch(cache);
        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            using CachedSequence sequence = cache.CreateSequence();
            ReadOnlySpan<int> tokens = ids.Slice(i * window, window);
            // The last token's logits would foretell what is outside.
            while (sequence.Length < window - 1)
            {
                int start = sequence.Length;
                int chunk = Math.Min(model.Options.MaxStepTokens, window - 1 - start);
                batch.Clear();
                batch.Add(sequence, tokens.Slice(start, chunk), RowKind.Prefill, LogitRows.All);
                Logits logits = model.Forward(batch, cancellationToken);
                for (int row = 0; row < chunk; row++)
                {
                    int foretold = start + row + 1;
                    double loss = Loss(logits[row], tokens[foretold]);
                    if (!double.IsFinite(loss))
                        throw new LossException(i, foretold, loss);
                    sum += loss;
                }
            }
        }
        return sum / ((double)count * (window - 1));
    }

    private static double Loss(ReadOnlySpan<float> logits, int token)
    {
        float max = float.NegativeInfinity;
        foreach (float logit in logits)
            max = Math.Max(max, logit);
        return LogProbabilities.LogSum(logits, max) - logits[token];
    }
}
