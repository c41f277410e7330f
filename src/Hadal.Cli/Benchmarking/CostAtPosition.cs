using Hadal.Tensors;

namespace Hadal.Cli.Benchmarking;

/// <summary>What a token costs after so many tokens of context.</summary>
/// <param name="Context">Tokens in the cache before.</param>
/// <param name="Attention"><c>sparse</c> or <c>dense</c>.</param>
/// <param name="Prefill">Seconds a token of a prompt, in a step of several.</param>
/// <param name="Decode">Seconds a generated token, one a step.</param>
internal sealed record CostAtPosition(int Context, string Attention, double Prefill, double Decode)
{
    /// <summary>Where the time of a step of a prompt goes; empty if nobody asked.</summary>
    public IReadOnlyList<OpTime> PrefillOps { get; init; } = [];

    /// <summary>Where the time of the generated tokens goes; empty if nobody asked.</summary>
    public IReadOnlyList<OpTime> DecodeOps { get; init; } = [];
}
