using Microsoft.Extensions.Logging;

namespace Hadal.Inference;

/// <summary>How an <see cref="InferenceEngine"/> works.</summary>
public sealed record EngineOptions
{
    internal const int MostDrafts = 3;

    /// <summary>
    /// Tokens that fit in the cache, of all requests under way and of what is kept of those before; rounded up to pages of 64.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less than 1.</exception>
    public int CacheTokens
    {
        get;
        init => field = AtLeastOne(nameof(CacheTokens), value);
    } = 4096;

    /// <summary>Requests that may wait for their first step; one more is refused.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less than 1.</exception>
    public int MaxQueuedRequests
    {
        get;
        init => field = AtLeastOne(nameof(MaxQueuedRequests), value);
    } = 1024;

    /// <summary>
    /// The wait that counts as much as one of <see cref="Generation.GenerationOptions.Priority"/>: a request of priority p goes
    /// before one of priority q that came t earlier if p − q is more than t divided by this.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public TimeSpan PriorityAgeing
    {
        get;
        init =>
            field =
                value > TimeSpan.Zero
                    ? value
                    : throw new ArgumentOutOfRangeException(
                        nameof(PriorityAgeing),
                        value,
                        "must be positive"
                    );
    } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Tokens that the multi-token predictor guesses ahead of each text, from 0 to 3, which the next step verifies: each one that
    /// is right saves a step, and no guess changes a text. Null chooses as it pays, by the times of steps and the guesses that
    /// were right; tries that do not pay take at most a fortieth of the time in the long run. Unless it is 0, it takes a model
    /// with its predictor, see <see cref="Model.ModelOptions.LoadPredictor"/>, and rows of logits, see
    /// <see cref="Model.ModelOptions.MaxLogitRows"/>: a text has as many guesses in a step as there are rows left when each
    /// text has one.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not from 0 to 3.</exception>
    public int? Drafts
    {
        get;
        init =>
            field = value is null or (>= 0 and <= MostDrafts)
                ? value
                : throw new ArgumentOutOfRangeException(
                    nameof(Drafts),
                    value,
                    $"must be from 0 to {MostDrafts}, or null"
                );
    } = 0;

    /// <summary>Where messages go: what became of requests and steps, never their text. Null for nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>The clock of deadlines, ageing and usage.</summary>
    /// <exception cref="ArgumentNullException">It is null.</exception>
    public TimeProvider TimeProvider
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(TimeProvider));
    } = TimeProvider.System;

    private static int AtLeastOne(string name, int value) =>
        value >= 1
            ? value
            : throw new ArgumentOutOfRangeException(name, value, "must be at least 1");
}
