namespace Hadal.Load.Streams;

/// <summary>An error that a server tells of.</summary>
internal sealed record StreamError(string? Message);
