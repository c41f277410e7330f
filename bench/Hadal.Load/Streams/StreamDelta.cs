namespace Hadal.Load.Streams;

/// <summary>What a chunk of a chat adds.</summary>
internal sealed record StreamDelta(string? Content, string? ReasoningContent);
