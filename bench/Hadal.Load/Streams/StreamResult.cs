namespace Hadal.Load.Streams;

/// <summary>What became of a request.</summary>
/// <param name="Outcome">How it ended.</param>
internal sealed record StreamResult(StreamOutcome Outcome)
{
    /// <summary>What went wrong; empty for nothing.</summary>
    public string Message { get; init; } = "";

    /// <summary>Tokens that came: as the server counts them, or chunks where it came to no count.</summary>
    public int Tokens { get; init; }

    /// <summary>The text, as far as it came; null where it was not kept.</summary>
    public string? Text { get; init; }

    /// <summary>Why the text ended; null where its end did not come.</summary>
    public string? FinishReason { get; init; }

    /// <summary>Time to the first text; null where none came.</summary>
    public TimeSpan? FirstToken { get; init; }

    /// <summary>Time to the end.</summary>
    public TimeSpan Total { get; init; }
}
