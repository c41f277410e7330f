namespace Hadal.Cli.Hub;

/// <summary>A file of a repository.</summary>
/// <param name="Path">Its path there, with slashes; it passed <see cref="HubPath.Problem"/>.</param>
/// <param name="Size">Its bytes.</param>
/// <param name="Digest">Its checksum.</param>
internal sealed record HubFile(string Path, long Size, FileDigest Digest);
