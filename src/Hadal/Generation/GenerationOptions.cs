namespace Hadal.Generation;

/// <summary>How a text is generated.</summary>
public sealed record GenerationOptions
{
    /// <summary>How tokens are chosen; greedy by default.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>What ends the text besides EOS and the end of the context.</summary>
    public StopConditions Stop { get; init; } = new();

    /// <summary>Whether the EOS tokens of the config and the tokenizer end the text.</summary>
    public bool StopAtEos { get; init; } = true;

    /// <summary>Whether the text leaves out special tokens, such as a turn's mark.</summary>
    public bool SkipSpecialTokens { get; init; } = true;

    /// <summary>
    /// The most tokens of a prompt in one step; null for <see cref="Model.ModelOptions.MaxStepTokens"/>, which it may not
    /// exceed. It changes the speed, never the text.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less than 1.</exception>
    public int? PrefillChunk
    {
        get;
        init
        {
            if (value < 1)
                throw new ArgumentOutOfRangeException(
                    nameof(PrefillChunk),
                    value,
                    "must be at least 1, or null"
                );
            field = value;
        }
    }
}
