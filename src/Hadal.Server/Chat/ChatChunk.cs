using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;

namespace Hadal.Server.Chat;

/// <summary>A chunk of a streamed answer.</summary>
/// <param name="Choice">The choice that it belongs to.</param>
/// <param name="Delta">What it adds; null for nothing.</param>
/// <param name="IsFirst">Whether it is the choice's first.</param>
/// <param name="LogProbs">Log-probabilities of the tokens since the chunk before.</param>
/// <param name="Finish">Why the choice ended; null while it goes on.</param>
internal readonly record struct ChatChunk(
    int Choice,
    ChatDelta? Delta,
    bool IsFirst,
    IReadOnlyList<TokenLogProbs> LogProbs,
    AnswerFinish? Finish
);
