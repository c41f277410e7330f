namespace Hadal.Generation;

/// <summary>What a generation took.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="GeneratedTokens">Tokens generated, a stop token included.</param>
/// <param name="PrefillTime">Time until the first token's logits.</param>
/// <param name="DecodeTime">Time of the steps after that.</param>
public readonly record struct GenerationUsage(
    int PromptTokens,
    int GeneratedTokens,
    TimeSpan PrefillTime,
    TimeSpan DecodeTime
)
{
    /// <summary>Tokens of the prompt a second.</summary>
    public double PrefillTokensPerSecond => PerSecond(PromptTokens, PrefillTime);

    /// <summary>Generated tokens a second, without the first, which comes with the prompt.</summary>
    public double DecodeTokensPerSecond => PerSecond(GeneratedTokens - 1, DecodeTime);

    private static double PerSecond(int tokens, TimeSpan time) =>
        tokens > 0 && time > TimeSpan.Zero ? tokens / time.TotalSeconds : 0;
}
