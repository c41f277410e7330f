namespace Hadal.Cli.Benchmarking;

/// <summary>What requests at the same time get of an engine.</summary>
/// <param name="Concurrent">Requests at once.</param>
/// <param name="SharedTokens">Tokens that all prompts begin with; they were in the cache.</param>
/// <param name="TokensPerSecond">Generated tokens of all requests.</param>
/// <param name="FirstToken">Median time to a request's first token.</param>
/// <param name="Median">Median time between two tokens of a request.</param>
/// <param name="Slowest">The 99th percentile of it.</param>
/// <param name="Accepted">The part of the drafts that were right; NaN without drafts.</param>
internal sealed record ServeCost(
    int Concurrent,
    int SharedTokens,
    double TokensPerSecond,
    TimeSpan FirstToken,
    TimeSpan Median,
    TimeSpan Slowest,
    double Accepted
);
