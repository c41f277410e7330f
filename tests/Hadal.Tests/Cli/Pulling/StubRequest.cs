namespace Hadal.Tests.Cli.Pulling;

/// <summary>A request that a <see cref="HubStub"/> got.</summary>
/// <param name="Host">The name that the client called it by.</param>
/// <param name="Path">The path with its query.</param>
/// <param name="Authorization">What it was authorised by, if by anything.</param>
/// <param name="From">The first byte that it asks for; null where it asks for the whole.</param>
internal sealed record StubRequest(string Host, string Path, string? Authorization, long? From)
{
    /// <summary>Whether it is for a file's bytes, and not for a list or a redirection.</summary>
    public bool IsContent =>
        Path.StartsWith("/storage/", StringComparison.Ordinal)
        || Path.StartsWith("/api/resolve-cache/", StringComparison.Ordinal);
}
