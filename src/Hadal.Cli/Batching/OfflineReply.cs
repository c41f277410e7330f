namespace Hadal.Cli.Batching;

/// <summary>A response.</summary>
/// <param name="Status">Its HTTP status.</param>
/// <param name="Body">Its body, which is JSON.</param>
internal readonly record struct OfflineReply(int Status, ReadOnlyMemory<byte> Body);
