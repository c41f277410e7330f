using Hadal.Chat;
using Hadal.Generation;
using Hadal.Model;

namespace Hadal.Answering;

/// <summary>What a token adds to an answer.</summary>
/// <param name="Choice">Which of <see cref="ChatAnswer.Choices"/> it belongs to.</param>
/// <param name="TokenId">The token; −1 where the answer ended without another, and only text that was held back is handed out.</param>
/// <param name="Deltas">
/// What is certain since this token; often nothing. A call's id is <see cref="AnswerChoice.ToolCallId"/>.
/// </param>
/// <param name="LogProbs">The token's log-probability; null where <see cref="GenerationOptions.LogProbs"/> is.</param>
/// <param name="Finish">Why the choice ended with this token; null while it goes on.</param>
public sealed record AnswerUpdate(
    int Choice,
    int TokenId,
    IReadOnlyList<ChatDelta> Deltas,
    TokenLogProbs? LogProbs,
    AnswerFinish? Finish
)
{
    /// <summary>What attention saw when the token was drawn; null where <see cref="GenerationOptions.SelectionTokens"/> says so.</summary>
    public TokenSelection? Selection { get; init; }
}
