namespace Hadal.Generation;

/// <summary>What a generation took.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="CachedTokens">Those of them that the text before had left in the cache.</param>
/// <param name="GeneratedTokens">Tokens generated, a stop token included.</param>
/// <param name="PrefillTime">Time until the first token's logits.</param>
/// <param name="DecodeTime">Time of the steps after that.</param>
public readonly record struct GenerationUsage(
    int PromptTokens,
    int CachedTokens,
    int GeneratedTokens,
    TimeSpan PrefillTime,
    TimeSpan DecodeTime
)
{
    /// <summary>Tokens of the prompt a second, without those that were in the cache.</summary>
    public double PrefillTokensPerSecond => PerSecond(PromptTokens - CachedTokens, PrefillTime);

    /// <summary>Generated tokens a second, without the first, which comes with the prompt.</summary>
    public double DecodeTokensPerSecond => PerSecond(GeneratedTokens - 1, DecodeTime);

    private static double PerSecond(int tokens, TimeSpan time) =>
        tokens > 0 && time > TimeSpan.Zero ? tokens / time.TotalSeconds : 0;
}
