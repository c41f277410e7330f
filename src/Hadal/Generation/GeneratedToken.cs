using Hadal.Model;

namespace Hadal.Generation;

/// <summary>One generated token.</summary>
/// <param name="Id">
/// Its id; −1 where the text ended without another token, as at a deadline, and only text that was held back is handed out.
/// </param>
/// <param name="Text">
/// The text that is certain since this token: empty while a character is not whole or a stop string may be beginning.
/// </param>
/// <param name="FinishReason">Why the text ended with this token; null while it goes on.</param>
public readonly record struct GeneratedToken(int Id, string Text, FinishReason? FinishReason)
{
    /// <summary>Which of <see cref="GenerationOptions.Choices"/> it belongs to, from 0.</summary>
    public int Choice { get; init; }

    /// <summary>Its log-probability; null where <see cref="GenerationOptions.LogProbs"/> is.</summary>
    public TokenLogProbs? LogProbs { get; init; }

    /// <summary>What attention saw when it was drawn; null where <see cref="GenerationOptions.SelectionTokens"/> says so.</summary>
    public TokenSelection? Selection { get; init; }
}
