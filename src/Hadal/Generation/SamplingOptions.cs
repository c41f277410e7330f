using System.Collections.Frozen;

namespace Hadal.Generation;

/// <summary>How the next token is chosen; <see cref="Sampler"/> tells the order. The default is greedy.</summary>
public sealed record SamplingOptions
{
    private static readonly FrozenDictionary<int, float> s_noBias = FrozenDictionary<
        int,
        float
    >.Empty;

    /// <summary>Divides the logits. 0 takes the most probable token, the lowest id among equals.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative, infinite or NaN.</exception>
    public float Temperature
    {
        get;
        init =>
            field =
                float.IsFinite(value) && value >= 0
                    ? value
                    : throw Bad(nameof(Temperature), value, "must be finite and at least 0");
    }

    /// <summary>Keeps this many of the most probable tokens; 0 keeps all.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public int TopK
    {
        get;
        init =>
            field =
                value >= 0 ? value : throw Bad(nameof(TopK), value, "must be at least 0 (0: all)");
    }

    /// <summary>Keeps the fewest most probable tokens that have this much of the probability; 1 keeps all.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not in (0, 1].</exception>
    public float TopP
    {
        get;
        init =>
            field = value is > 0 and <= 1
                ? value
                : throw Bad(nameof(TopP), value, "must be above 0 and at most 1 (1: all)");
    } = 1;

    /// <summary>Keeps tokens at least this probable relative to the most probable one; 0 keeps all.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not in [0, 1].</exception>
    public float MinP
    {
        get;
        init =>
            field = value is >= 0 and <= 1
                ? value
                : throw Bad(nameof(MinP), value, "must be from 0 to 1 (0: all)");
    }

    /// <summary>Divides the positive and multiplies the negative logits of tokens seen before; 1 changes nothing.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not positive, infinite or NaN.</exception>
    public float RepetitionPenalty
    {
        get;
        init =>
            field =
                float.IsFinite(value) && value > 0
                    ? value
                    : throw Bad(
                        nameof(RepetitionPenalty),
                        value,
                        "must be finite and above 0 (1: none)"
                    );
    } = 1;

    /// <summary>
    /// Taken from the logit of each generated token as often as it was generated; negative values favour it. From −2 to 2; 0
    /// changes nothing.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not in [−2, 2].</exception>
    public float FrequencyPenalty
    {
        get;
        init => field = Penalty(nameof(FrequencyPenalty), value);
    }

    /// <summary>Taken once from the logit of each token that was generated; from −2 to 2; 0 changes nothing.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not in [−2, 2].</exception>
    public float PresencePenalty
    {
        get;
        init => field = Penalty(nameof(PresencePenalty), value);
    }

    /// <summary>Added to the logits of these token ids, before the penalties; each from −100 to 100.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is negative, or a bias not in [−100, 100].</exception>
    public IReadOnlyDictionary<int, float> LogitBias
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            foreach ((int id, float bias) in value)
            {
                if (id < 0)
                    throw Bad(nameof(LogitBias), id, "must have no negative token id");
                if (bias is not (>= -100 and <= 100))
                    throw Bad(nameof(LogitBias), bias, $"[{id}] must be from -100 to 100");
            }
            field = value.Count == 0 ? s_noBias : value.ToFrozenDictionary();
        }
    } = s_noBias;

    /// <summary>Makes the draws reproducible; null takes a seed by chance.</summary>
    public ulong? Seed { get; init; }

    private static float Penalty(string name, float value) =>
        value is >= -2 and <= 2 ? value : throw Bad(name, value, "must be from -2 to 2 (0: none)");

    private static ArgumentOutOfRangeException Bad(string name, object value, string rule) =>
        new(name, value, $"{name} {rule}");
}
