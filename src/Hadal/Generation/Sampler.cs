using System.Numerics;
using System.Security.Cryptography;

namespace Hadal.Generation;

/// <summary>
/// Draws tokens for one sequence. The order is vLLM's: repetition penalty, temperature, min-p, top-k, top-p (of the
/// probability that is left), draw. Equal logits rank by id, the lowest first. The same seed, options and logits give
/// the same tokens on every machine whose <see cref="Math.Exp"/> agrees. Allocates nothing after construction; not
/// thread-safe.
/// </summary>
public sealed class Sampler
{
    /// <summary>Tokens e⁻⁶⁰ times as probable as the best weigh less than the 2⁻⁵³ steps of a draw: not looked at.</summary>
    private const double NegligibleLogWeight = -60;

    private readonly SamplingOptions _options;
    private readonly double _logMinP;
    private readonly ulong[] _seen;
    private readonly float[] _penalised;
    private readonly ulong[] _keys;
    private readonly double[] _weights;
    private SplitMix64 _random;

    /// <summary>A sampler that has seen no token yet.</summary>
    /// <param name="options">How to choose.</param>
    /// <param name="vocabularySize">The number of logits, at least 1.</param>
    public Sampler(SamplingOptions options, int vocabularySize)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabularySize, 1);
        _options = options;
        VocabularySize = vocabularySize;
        _logMinP = Math.Max(Math.Log(options.MinP), NegligibleLogWeight);
        bool penalises = options.RepetitionPenalty != 1;
        _seen = penalises ? new ulong[(vocabularySize + 63) / 64] : [];
        _penalised = penalises ? new float[vocabularySize] : [];
        bool draws = options.Temperature > 0;
        _keys = draws ? new ulong[vocabularySize] : [];
        _weights = draws ? new double[vocabularySize] : [];
        Seed = options.Seed ?? BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));
        _random = new SplitMix64(Seed);
    }

    /// <summary>The number of logits that <see cref="Sample"/> takes.</summary>
    public int VocabularySize { get; }

    /// <summary>The seed in use: that of the options, or the one taken by chance.</summary>
    public ulong Seed { get; }

    /// <summary>Marks tokens as seen, such as the prompt's, for the repetition penalty.</summary>
    /// <param name="tokens">Token ids.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is not below <see cref="VocabularySize"/>.</exception>
    public void Observe(ReadOnlySpan<int> tokens)
    {
        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)VocabularySize)
                throw new ArgumentOutOfRangeException(
                    nameof(tokens),
                    token,
                    $"a token id must be from 0 to {VocabularySize - 1}"
                );
            if (_seen.Length != 0)
                _seen[token / 64] |= 1UL << (token % 64);
        }
    }

    /// <summary>Chooses a token and marks it as seen.</summary>
    /// <param name="logits">f32 [<see cref="VocabularySize"/>]; −∞ rules a token out.</param>
    /// <returns>The token's id.</returns>
    /// <exception cref="ArgumentException">The number of logits is not <see cref="VocabularySize"/>.</exception>
    /// <exception cref="SamplingException">A logit is NaN or +∞, or all are −∞.</exception>
    public int Sample(ReadOnlySpan<float> logits)
    {
        if (logits.Length != VocabularySize)
            throw new ArgumentException(
                $"There are {logits.Length} logits, but the vocabulary has {VocabularySize}",
                nameof(logits)
            );
        float max = LogitScan.Max(logits);
        if (_seen.Length != 0)
        {
            logits = Penalise(logits);
            max = LogitScan.Max(logits);
        }
        int token = _options.Temperature == 0 ? LogitScan.IndexOf(logits, max) : Draw(logits, max);
        if (_seen.Length != 0)
            _seen[token / 64] |= 1UL << (token % 64);
        return token;
    }

    private float[] Penalise(ReadOnlySpan<float> logits)
    {
        logits.CopyTo(_penalised);
        for (int word = 0; word < _seen.Length; word++)
        {
            for (ulong bits = _seen[word]; bits != 0; bits &= bits - 1)
            {
                ref float logit = ref _penalised[word * 64 + BitOperations.TrailingZeroCount(bits)];
                float penalty = _options.RepetitionPenalty;
                // Penalties far from 1 must not turn a finite logit into an infinite one.
                if (float.IsFinite(logit))
                    logit = Math.Clamp(
                        logit > 0 ? logit / penalty : logit * penalty,
                        float.MinValue,
                        float.MaxValue
                    );
            }
        }
        return _penalised;
    }

    private int Draw(ReadOnlySpan<float> logits, float max)
    {
        Span<ulong> kept = Keep(logits, max);
        double total = 0;
        for (int i = 0; i < kept.Length; i++)
            total += _weights[i] = Weight(kept[i], max);
        double target = _random.NextUnit() * total;
        double sum = 0;
        int last = 0;
        for (int i = 0; i < kept.Length; i++)
        {
            sum += _weights[i];
            if (_weights[i] > 0)
                last = i;
            if (sum > target)
                break;
        }
        return LogitKey.Id(kept[last]);
    }

    /// <summary>The <see cref="LogitKey"/>s of the tokens that pass every filter, in no order.</summary>
    internal Span<ulong> Keep(ReadOnlySpan<float> logits, float max) =>
        KeepTopP(KeepTopK(KeepMinP(logits, max)), max);

    private Span<ulong> KeepMinP(ReadOnlySpan<float> logits, float max)
    {
        double least = max + _logMinP * _options.Temperature;
        int count = 0;
        for (int id = 0; id < logits.Length; id++)
        {
            if (logits[id] >= least)
                _keys[count++] = LogitKey.Of(logits[id], id);
        }
        return _keys.AsSpan(0, count);
    }

    private Span<ulong> KeepTopK(Span<ulong> keys)
    {
        if (_options.TopK == 0 || _options.TopK >= keys.Length)
            return keys;
        LogitKey.SelectFirst(keys, _options.TopK);
        return keys[.._options.TopK];
    }

    /// <summary>Ranks ever longer fronts until one has enough of the probability: a full sort is seldom needed.</summary>
    private Span<ulong> KeepTopP(Span<ulong> keys, float max)
    {
        if (_options.TopP == 1)
            return keys;
        double total = 0;
        foreach (ulong key in keys)
            total += Weight(key, max);
        double enough = _options.TopP * total;
        double sum = 0;
        int ranked = 0;
        for (int front = 256; ranked < keys.Length; front *= 4)
        {
            int end = Math.Min(front, keys.Length);
            LogitKey.SelectFirst(keys[ranked..], end - ranked);
            keys[ranked..end].Sort();
            for (; ranked < end; ranked++)
            {
                sum += Weight(keys[ranked], max);
                if (sum >= enough)
                    return keys[..(ranked + 1)];
            }
        }
        return keys;
    }

    private double Weight(ulong key, float max) =>
        Math.Exp(((double)LogitKey.Logit(key) - max) / _options.Temperature);
}
