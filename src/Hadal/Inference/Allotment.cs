using Hadal.Model;

namespace Hadal.Inference;

/// <summary>What a text gets of a step.</summary>
/// <param name="Text">The text.</param>
/// <param name="Count">Its tokens, at least one, drafts included.</param>
/// <param name="Logits">Which of them get logits.</param>
/// <param name="Drafts">How many of them are drafts, to be verified.</param>
internal readonly record struct Allotment(
    TextChoice Text,
    int Count,
    LogitRows Logits,
    int Drafts = 0
)
{
    public int Rows =>
        Logits switch
        {
            LogitRows.None => 0,
            LogitRows.Last => 1,
            _ => Count,
        };

    /// <summary>Its last rows, of which is told what attention sees: those that tokens may be drawn by.</summary>
    public int SelectedRows =>
        !Text.WantsSelection || Text.Sequence!.Length + Count < Text.Tokens.Length ? 0 : 1 + Drafts;

    public int MissingPages => Text.Sequence!.MissingPages(Count);

    /// <summary>Adds the tokens to a batch.</summary>
    public void AddTo(StepBatch batch)
    {
        ReadOnlySpan<int> pending = Text.Pending;
        if (Drafts == 0)
        {
            batch.Add(Text.Sequence!, pending[..Count], Kind, Logits);
            return;
        }
        Span<int> tokens = stackalloc int[1 + EngineOptions.MostDrafts];
        tokens[0] = pending[0];
        Text.Drafts.Tokens[..Drafts].CopyTo(tokens[1..]);
        batch.Add(Text.Sequence!, tokens[..Count], RowKind.Verify, Logits);
    }

    // Generated tokens that are computed again are verified ones, which have the bits that decoding gave them.
    private RowKind Kind =>
        Text.Sequence!.Length < Text.Request.PromptLength ? RowKind.Prefill
        : Text.IsDecoding ? RowKind.Decode
        : RowKind.Verify;
}
