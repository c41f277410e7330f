using Hadal.Load.Streams;

namespace Hadal.Load.Running;

/// <summary>What a run of a plan came to.</summary>
internal sealed record LoadReport
{
    /// <summary>Clients at once.</summary>
    public required int Connections { get; init; }

    /// <summary>Requests by how they ended; those that none ended so are there with 0.</summary>
    public required IReadOnlyDictionary<StreamOutcome, int> Outcomes { get; init; }

    /// <summary>Requests that left before any text came: in the queue or in the prompt.</summary>
    public required int LeftBeforeText { get; init; }

    /// <summary>What servers said of errors, and how often.</summary>
    public required IReadOnlyDictionary<string, int> Messages { get; init; }

    /// <summary>Answers that were compared with those alone.</summary>
    public required int Compared { get; init; }

    /// <summary>Those of them that are not equal, each told.</summary>
    public required IReadOnlyList<string> Differing { get; init; }

    /// <summary>Tokens that came.</summary>
    public required long Tokens { get; init; }

    /// <summary>From the first request to the end of the last one; comparing is not in it.</summary>
    public required TimeSpan Wall { get; init; }

    /// <summary>Processor time of the generator in it.</summary>
    public required TimeSpan OwnProcessor { get; init; }

    /// <summary>Processor time of the server in it; null where its process is not known.</summary>
    public required TimeSpan? ServerProcessor { get; init; }

    /// <summary>Milliseconds to the first text.</summary>
    public required Samples FirstToken { get; init; }

    /// <summary>Milliseconds between two chunks of a stream.</summary>
    public required Samples BetweenTokens { get; init; }

    /// <summary>Milliseconds of whole answers.</summary>
    public required Samples Total { get; init; }

    /// <summary>Tokens of all clients a second.</summary>
    public double TokensPerSecond => Tokens / Wall.TotalSeconds;

    /// <summary>Whether nothing happened that was not planned.</summary>
    public bool IsClean =>
        Differing.Count == 0
        && Outcomes
            .Where(pair =>
                pair.Key
                    is not (
                        StreamOutcome.Ok
                        or StreamOutcome.Disconnected
                        or StreamOutcome.Cancelled
                    )
            )
            .All(pair => pair.Value == 0);
}
