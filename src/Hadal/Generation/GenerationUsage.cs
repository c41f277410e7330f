using System.Collections.Immutable;

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
    public int DraftedTokens => Sum(DraftedByPlace);

    /// <summary>Those of them that were right, each of which saved a step of its text.</summary>
    public int AcceptedTokens => Sum(AcceptedByPlace);

    /// <summary><see cref="DraftedTokens"/>: those guessed first, those guessed after them, and so on, [3].</summary>
    public ImmutableArray<int> DraftedByPlace { get; init; } = [0, 0, 0];

    /// <summary><see cref="AcceptedTokens"/> likewise, [3]; one is right only where those before it are.</summary>
    public ImmutableArray<int> AcceptedByPlace { get; init; } = [0, 0, 0];

    /// <summary>Steps that made tokens, of all choices.</summary>
    public int Steps { get; init; }

    /// <summary>What drafts are good for: 1 without them.</summary>
    public double TokensPerStep => Steps == 0 ? 0 : GeneratedTokens / (double)Steps;

    /// <summary>Tokens of the prompt a second, without those that were in the cache.</summary>
    public double PrefillTokensPerSecond => PerSecond(PromptTokens - CachedTokens, PrefillTime);

    /// <summary>Generated tokens a second, without the first, which comes with the prompt.</summary>
    public double DecodeTokensPerSecond => PerSecond(GeneratedTokens - 1, DecodeTime);

    // default(GenerationUsage) has no arrays.
    private static int Sum(ImmutableArray<int> counts) => counts.IsDefault ? 0 : counts.Sum();

    private static double PerSecond(int tokens, TimeSpan time) =>
        tokens > 0 && time > TimeSpan.Zero ? tokens / time.TotalSeconds : 0;
}
