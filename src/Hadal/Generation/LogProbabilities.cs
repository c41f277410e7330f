using System.Collections.Immutable;

namespace Hadal.Generation;

/// <summary>
/// Log-softmax of a row of logits. The sum runs in the order of ids and in f64, so that equal logits give equal bits. Not
/// thread-safe.
/// </summary>
/// <param name="vocabularySize">The number of logits.</param>
internal sealed class LogProbabilities(int vocabularySize)
{
    /// <summary>The most tokens beside the own that can be asked for.</summary>
    public const int MostTop = 20;

    private ulong[]? _keys;

    /// <param name="logits">f32 [vocabulary]; one at least finite, none NaN or +∞.</param>
    /// <param name="token">The token whose probability is wanted.</param>
    /// <param name="top">How many of the most probable are wanted.</param>
    /// <exception cref="SamplingException">The logits are not usable.</exception>
    public TokenLogProbs Of(ReadOnlySpan<float> logits, int token, int top)
    {
        double logSum = LogSum(logits, LogitScan.Max(logits));
        return new TokenLogProbs(Of(logits, token, logSum), Top(logits, top, logSum));
    }

    /// <summary>The logarithm of Σ exp(logit), in double precision, in the order of the ids.</summary>
    /// <param name="logits">f32 [vocabulary].</param>
    /// <param name="max">The greatest.</param>
    public static double LogSum(ReadOnlySpan<float> logits, float max)
    {
        double sum = 0;
        foreach (float logit in logits)
            sum += Math.Exp((double)logit - max);
        return max + Math.Log(sum);
    }

    private ImmutableArray<TokenLogProb> Top(ReadOnlySpan<float> logits, int count, double logSum)
    {
        count = Math.Min(count, logits.Length);
        if (count == 0)
            return [];
        ulong[] keys = _keys ??= new ulong[vocabularySize];
        for (int id = 0; id < logits.Length; id++)
            keys[id] = LogitKey.Of(logits[id], id);
        LogitKey.SelectFirst(keys, count);
        Span<ulong> first = keys.AsSpan(0, count);
        first.Sort();
        var top = ImmutableArray.CreateBuilder<TokenLogProb>(count);
        foreach (ulong key in first)
            top.Add(Of(logits, LogitKey.Id(key), logSum));
        return top.MoveToImmutable();
    }

    private static TokenLogProb Of(ReadOnlySpan<float> logits, int token, double logSum) =>
        new(token, (float)(logits[token] - logSum));
}
