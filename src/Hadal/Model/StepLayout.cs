using Hadal.Caching;

namespace Hadal.Model;

/// <summary>
/// The block of int32 that tells a step its tokens: [ids, positions, slots, row sequences, visible: most tokens each]
/// [logit rows][block table][with the expanded form the slots of all tokens up to the last that takes it, of each sequence
/// that has such]. The batch fills it on the host, and it is copied to the device as one.
/// </summary>
/// <param name="Tokens">The most tokens of a step.</param>
/// <param name="Sequences">The most sequences.</param>
/// <param name="LogitRowCount">The most rows of logits.</param>
/// <param name="SequencePages">The most pages of a sequence.</param>
/// <param name="ExpandedTokens">The most tokens of a sequence that take the expanded form.</param>
internal readonly record struct StepLayout(
    int Tokens,
    int Sequences,
    int LogitRowCount,
    int SequencePages,
    int ExpandedTokens
)
{
    public StepLayout(ModelOptions options, int maxContextTokens, int expandedTokens)
        : this(
            options.MaxStepTokens,
            options.MaxSequences,
            options.MaxLogitRows,
            PagedCache.PagesFor(maxContextTokens),
            expandedTokens
        ) { }

    public long Positions => Tokens;

    public long Slots => 2L * Tokens;

    public long RowSequences => 3L * Tokens;

    public long Visible => 4L * Tokens;

    public long LogitRows => 5L * Tokens;

    public long Table => LogitRows + LogitRowCount;

    /// <summary>Integers in all.</summary>
    public long Length => Table + Sequences * ((long)SequencePages + ExpandedTokens);

    /// <summary>Runs of a step, at most: one of each form a sequence, and what is absorbed before the first.</summary>
    public int MostRuns => 2 * Sequences + 1;
}
