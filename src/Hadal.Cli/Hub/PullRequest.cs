namespace Hadal.Cli.Hub;

/// <summary>What a command line asks to be pulled.</summary>
internal sealed class PullRequest
{
    public required RepositoryName Repository { get; init; }

    /// <summary>The folder that it goes to; null for the cache.</summary>
    public string? Folder { get; init; }

    public required FileChoice Choice { get; init; }

    /// <summary>Files that are fetched at the same time.</summary>
    public int Connections { get; init; } = 4;

    /// <summary>Whether to tell only what would be done.</summary>
    public bool IsDry { get; init; }
}
