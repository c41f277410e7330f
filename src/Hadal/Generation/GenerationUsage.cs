namespace Hadal.Generation;

/// <summary>What a request took, of all its choices.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="CachedTokens">Those of them that were in the cache when the request began.</param>
/// <param name="GeneratedTokens">Tokens generated, stop tokens included.</param>
/// <param name="QueueTime">Time from submission to the first step.</param>
/// <param name="PrefillTime">Time from there to the first token.</param>
/// <param name="DecodeTime">Time from the first token to the last.</param>
public readonly record struct GenerationUsage(
    int PromptTokens,
    int CachedTokens,
    int GeneratedTokens,
    TimeSpan QueueTime,
    TimeSpan PrefillTime,
    TimeSpan DecodeTime
)
{
    /// <summary>Tokens that were guessed ahead, and verified.</summary>
    public int DraftedTokens { get; init; }

    /// <summary>Those of them that were right, each of which saved a step of its text.</summary>
    public int AcceptedTokens { get; init; }

    /// <summary>Tokens of the prompt a second, without those that were in the cache.</summary>
    public double PrefillTokensPerSecond => PerSecond(PromptTokens - CachedTokens, PrefillTime);

    /// <summary>Generated tokens a second, without the first, which comes with the prompt.</summary>
    public double DecodeTokensPerSecond => PerSecond(GeneratedTokens - 1, DecodeTime);

    private static double PerSecond(int tokens, TimeSpan time) =>
        tokens > 0 && time > TimeSpan.Zero ? tokens / time.TotalSeconds : 0;
}
