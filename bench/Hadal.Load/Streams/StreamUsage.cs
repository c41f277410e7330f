namespace Hadal.Load.Streams;

/// <summary>Tokens of a request.</summary>
internal sealed record StreamUsage(int PromptTokens, int CompletionTokens);
