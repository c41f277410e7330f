using System.Numerics;
using System.Security.Cryptography;

namespace Hadal.Generation;

/// <summary>
/// Draws tokens for one sequence. The order is vLLM's: logit bias, repetition penalty, frequency and presence penalties, what a
/// grammar allows, temperature, min-p, top-k, top-p (of the probability that is left), draw. Equal logits rank by id, the lowest first. The same seed, options and logits give
/// the same tokens on every machine whose <see cref="Math.Exp"/> agrees. Allocates nothing after construction; not
/// thread-safe.
/// </summary>
public sealed class Sampler
{
    /// <summary>Tokens e⁻⁶⁰ times as probable as the best weigh less than the 2⁻⁵³ steps of a draw: not looked at.</summary>
    private const double NegligibleLogWeight = -60;

    private readonly SamplingOptions _options;
    private readonly SamplerScratch _scratch;
    private readonly double _logMinP;
    private readonly (int Id, float Bias)[] _bias;

    // Bits of tokens; empty where no penalty wants them.
    private readonly ulong[] _seen;
    private readonly ulong[] _drawn;
    private readonly int[] _drawnCounts;
    private SplitMix64 _random;

    /// <summary>A sampler that has seen no token yet.</summary>
    /// <param name="options">How to choose.</param>
    /// <param name="vocabularySize">The number of logits, at least 1.</param>
    /// <exception cref="ArgumentException">The options have a bias for a token that is not in the vocabulary.</exception>
    public Sampler(SamplingOptions options, int vocabularySize)
        : this(options, vocabularySize, new SamplerScratch(vocabularySize)) { }

    /// <param name="options">How to choose.</param>
    /// <param name="vocabularySize">The number of logits, at least 1.</param>
    /// <param name="scratch">Which samplers may share that draw by turns.</param>
    internal Sampler(SamplingOptions options, int vocabularySize, SamplerScratch scratch)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabularySize, 1);
        _options = options;
        _scratch = scratch;
        VocabularySize = vocabularySize;
        _logMinP = Math.Max(Math.Log(options.MinP), NegligibleLogWeight);
        _bias = [.. options.LogitBias.Select(pair => (pair.Key, pair.Value))];
        foreach ((int id, _) in _bias)
        {
            if (id >= vocabularySize)
                throw new ArgumentOutOfRangeException(
                    nameof(options),
                    id,
                    $"{nameof(SamplingOptions.LogitBias)}: a token id must be from 0 to {vocabularySize - 1}"
                );
        }
        int words = (vocabularySize + 63) / 64;
        _seen = options.RepetitionPenalty != 1 ? new ulong[words] : [];
        bool counts = options.FrequencyPenalty != 0 || options.PresencePenalty != 0;
        _drawn = counts ? new ulong[words] : [];
        _drawnCounts = counts ? new int[vocabularySize] : [];
        Seed = options.Seed ?? NewSeed();
        _random = new SplitMix64(Seed);
    }

    /// <summary>The number of logits that <see cref="Sample(ReadOnlySpan{float})"/> takes.</summary>
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
    public int Sample(ReadOnlySpan<float> logits) => Sample(logits, [], []);

    /// <param name="logits">f32 [<see cref="VocabularySize"/>].</param>
    /// <param name="ruledOut">Ids that may not be drawn; those beyond the vocabulary are none.</param>
    /// <param name="allowed">
    /// The tokens that may be drawn: bit id % 64 of word id / 64. Those beyond it may not. Empty where all may.
    /// </param>
    internal int Sample(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<int> ruledOut,
        ReadOnlySpan<ulong> allowed
    )
    {
        if (logits.Length != VocabularySize)
            throw new ArgumentException(
                $"There are {logits.Length} logits, but the vocabulary has {VocabularySize}",
                nameof(logits)
            );
        float max = LogitScan.Max(logits);
        int adjustments = _seen.Length + _drawn.Length + _bias.Length + ruledOut.Length;
        if (adjustments + allowed.Length != 0)
        {
            logits = Adjust(logits, ruledOut, allowed);
            max = LogitScan.Max(logits);
        }
        int token = _options.Temperature == 0 ? LogitScan.IndexOf(logits, max) : Draw(logits, max);
        if (_seen.Length != 0)
            _seen[token / 64] |= 1UL << (token % 64);
        if (_drawn.Length != 0)
        {
            _drawn[token / 64] |= 1UL << (token % 64);
            _drawnCounts[token]++;
        }
        return token;
    }

    /// <summary>A seed by chance.</summary>
    internal static ulong NewSeed() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));

    private float[] Adjust(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<int> ruledOut,
        ReadOnlySpan<ulong> allowed
    )
    {
        float[] adjusted = _scratch.Adjusted;
        logits.CopyTo(adjusted);
        foreach ((int id, float bias) in _bias)
            adjusted[id] = Finite(adjusted[id], adjusted[id] + bias);
        float penalty = _options.RepetitionPenalty;
        for (int word = 0; word < _seen.Length; word++)
        {
            for (ulong bits = _seen[word]; bits != 0; bits &= bits - 1)
            {
                ref float logit = ref adjusted[word * 64 + BitOperations.TrailingZeroCount(bits)];
                logit = Finite(logit, logit > 0 ? logit / penalty : logit * penalty);
            }
        }
        for (int word = 0; word < _drawn.Length; word++)
        {
            for (ulong bits = _drawn[word]; bits != 0; bits &= bits - 1)
            {
                int id = word * 64 + BitOperations.TrailingZeroCount(bits);
                float taken =
                    _options.FrequencyPenalty * _drawnCounts[id] + _options.PresencePenalty;
                adjusted[id] = Finite(adjusted[id], adjusted[id] - taken);
            }
        }
        foreach (int id in ruledOut)
        {
            if ((uint)id < (uint)adjusted.Length)
                adjusted[id] = float.NegativeInfinity;
        }
        if (!allowed.IsEmpty)
            LogitScan.KeepAllowed(adjusted, allowed);
        return adjusted;

        // What changes a logit must not turn a finite one into an infinite one, nor the reverse.
        static float Finite(float before, float after) =>
            float.IsFinite(before) ? Math.Clamp(after, float.MinValue, float.MaxValue) : before;
    }

    private int Draw(ReadOnlySpan<float> logits, float max)
    {
        Span<ulong> kept = Keep(logits, max);
        double[] weights = _scratch.Weights;
        double total = 0;
        for (int i = 0; i < kept.Length; i++)
            total += weights[i] = Weight(kept[i], max);
        double target = _random.NextUnit() * total;
        double sum = 0;
        int last = 0;
        for (int i = 0; i < kept.Length; i++)
        {
            sum += weights[i];
            if (weights[i] > 0)
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
        ulong[] keys = _scratch.Keys;
        int count = 0;
        for (int id = 0; id < logits.Length; id++)
        {
            if (logits[id] >= least)
                keys[count++] = LogitKey.Of(logits[id], id);
        }
        return keys.AsSpan(0, count);
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
