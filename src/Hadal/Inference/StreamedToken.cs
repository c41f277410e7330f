using Hadal.Generation;
using Hadal.Model;

namespace Hadal.Inference;

/// <summary>A <see cref="GeneratedToken"/> whose text lies elsewhere, so that it takes no string before it is read.</summary>
internal readonly record struct StreamedToken(
    int Id,
    int Choice,
    FinishReason? FinishReason,
    TokenLogProbs? LogProbs
)
{
    public int TextLength { get; init; }

    public TokenSelection? Selection { get; init; }
}
