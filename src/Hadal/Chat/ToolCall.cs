namespace Hadal.Chat;

/// <summary>A call of a tool, as a model asked for it.</summary>
/// <param name="Id">What its result names it by; unique in a conversation.</param>
/// <param name="Name">The tool's name.</param>
/// <param name="Arguments">The arguments: the text of a JSON object.</param>
public sealed record ToolCall(string Id, string Name, string Arguments);
