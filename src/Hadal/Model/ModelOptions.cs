using Hadal.Checkpoints;

namespace Hadal.Model;

/// <summary>How a model is loaded and how much it may do in one step.</summary>
public sealed record ModelOptions
{
    // Of tokens, sequences and rows of logits in a step: what is counted by them fits an int with it.
    private const int MostOfStep = 1 << 20;

    /// <summary>How activations are kept between operations.</summary>
    public ActivationMode Activations { get; init; } = ActivationMode.BFloat16;

    /// <summary>
    /// The most tokens of one step, over all its sequences. Scratch memory grows with it, up to what
    /// <see cref="MaxSequences"/> contexts hold.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not from 1 to 1048576.</exception>
    public int MaxStepTokens
    {
        get;
        init => field = InRange(nameof(MaxStepTokens), value, MostOfStep);
    } = 512;

    /// <summary>The most sequences of one step.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not from 1 to 1048576.</exception>
    public int MaxSequences
    {
        get;
        init => field = InRange(nameof(MaxSequences), value, MostOfStep);
    } = 16;

    /// <summary>The most rows of logits of one step.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not from 1 to 1048576.</exception>
    public int MaxLogitRows
    {
        get;
        init => field = InRange(nameof(MaxLogitRows), value, MostOfStep);
    } = 16;

    /// <summary>The most tokens of one sequence; null for the config's max_position_embeddings, which it may not exceed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less than 1.</exception>
    public int? MaxContextTokens
    {
        get;
        init =>
            field = value is { } tokens
                ? InRange(nameof(MaxContextTokens), tokens, int.MaxValue)
                : null;
    }

    /// <summary>
    /// The tokens that attention keeps, in place of the config's index_topk: a multiple of 64. At least the context's
    /// length makes attention dense. Null for the config's.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not a positive multiple of 64.</exception>
    public int? IndexTopK
    {
        get;
        init =>
            field =
                value is null or > 0 && value.GetValueOrDefault() % 64 == 0
                    ? value
                    : throw new ArgumentOutOfRangeException(
                        nameof(IndexTopK),
                        value,
                        "must be a positive multiple of 64, or null"
                    );
    }

    /// <summary>How attention of a prompt is computed. It must be given at loading, as it decides what is allocated.</summary>
    public PrefillForm PrefillForm { get; init; } = PrefillForm.Absorbed;

    /// <summary>
    /// Whether the multi-token predictor is loaded where the checkpoint has one, for <see cref="DeepSeekModel.Draft"/>. It
    /// takes a layer of every cache.
    /// </summary>
    public bool LoadPredictor { get; init; }

    /// <summary>
    /// How the weights come into memory, where <see cref="DeepSeekModel.Load(string, Device, ModelOptions, IProgress{LoadProgress}, CancellationToken)"/>
    /// opens the checkpoint itself.
    /// </summary>
    public WeightMapping Mapping { get; init; } = WeightMapping.Mapped;

    private static int InRange(string name, int value, int most) =>
        value >= 1 && value <= most
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"must be from 1 to {most}");
}
