using Hadal.Grammars;

namespace Hadal.Generation;

/// <summary>How a text is generated.</summary>
public sealed record GenerationOptions
{
    /// <summary>How tokens are chosen; greedy by default.</summary>
    /// <exception cref="ArgumentNullException">It is null.</exception>
    public SamplingOptions Sampling
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Sampling));
    } = new();

    /// <summary>What ends the text besides EOS and the end of the context.</summary>
    /// <exception cref="ArgumentNullException">It is null.</exception>
    public StopConditions Stop
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Stop));
    } = new();

    /// <summary>
    /// What the text must look like; null for any. Tokens that can't go on with it are not drawn. Where it may end an EOS may
    /// come, and ends the text whatever <see cref="StopAtEos"/> says.
    /// </summary>
    public Grammar? Grammar { get; init; }

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

    /// <summary>
    /// Texts to generate for the prompt, which is computed once but for what follows its last whole page of 64 tokens. Choice i
    /// draws from the seed and i; choice 0 is the text of one alone.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not from 1 to 128.</exception>
    public int Choices
    {
        get;
        init => field = InRange(nameof(Choices), value, 1, 128);
    } = 1;

    /// <summary>
    /// Whether generated tokens tell their log-probabilities, and how many of the most probable beside their own: 0 to 20; null
    /// for none at all.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not from 0 to 20.</exception>
    public int? LogProbs
    {
        get;
        init => field = OfTop(nameof(LogProbs), value);
    }

    /// <summary>
    /// The same for the tokens of the prompt. It takes a row of logits for each, so that steps hold no more tokens of it than
    /// <see cref="Model.ModelOptions.MaxLogitRows"/>, and none of it is taken from the prefix cache.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not from 0 to 20.</exception>
    public int? PromptLogProbs
    {
        get;
        init => field = OfTop(nameof(PromptLogProbs), value);
    }

    /// <summary>
    /// The first so many generated tokens of each choice tell what sparse attention saw when they were drawn, in
    /// <see cref="GeneratedToken.Selection"/>; 0 for none. It changes no bit of the text. A token takes up to 2 bytes for each of
    /// <c>index_topk</c> positions in each layer, until it was read: with DeepSeek-V3.2's 61 layers and 2048 positions some 140 KB. A
    /// device that replays recorded steps doesn't do so in steps of such requests.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public int SelectionTokens
    {
        get;
        init => field = InRange(nameof(SelectionTokens), value, 0, int.MaxValue);
    }

    /// <summary>
    /// Which waiting request goes first: the greatest priority, where waiting adds to it; of equal ones the first that came. It
    /// orders admission alone: what runs is not slowed.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not from −1000 to 1000.</exception>
    public int Priority
    {
        get;
        init => field = InRange(nameof(Priority), value, -1000, 1000);
    }

    /// <summary>
    /// The most time from submission to the end. Then the text ends with what it has, and <see cref="FinishReason.Deadline"/>; it
    /// is looked at between steps. Null for no limit.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public TimeSpan? TimeLimit
    {
        get;
        init
        {
            if (value <= TimeSpan.Zero)
                throw new ArgumentOutOfRangeException(
                    nameof(TimeLimit),
                    value,
                    "must be positive, or null"
                );
            field = value;
        }
    }

    /// <summary>
    /// Requests share computed prefixes only with those of the same salt: it separates tenants, who could else tell by the time
    /// that a prompt takes what others sent. Empty by default.
    /// </summary>
    /// <exception cref="ArgumentNullException">It is null.</exception>
    public string CacheSalt
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(CacheSalt));
    } = "";

    private static int? OfTop(string name, int? value) =>
        value is { } top ? InRange(name, top, 0, LogProbabilities.MostTop) : null;

    private static int InRange(string name, int value, int least, int most) =>
        value >= least && value <= most
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"must be from {least} to {most}");
}
