using Hadal.Chat;

namespace Hadal.Cli.Chatting;

/// <summary>A function that the model may call.</summary>
/// <param name="Definition">What the model is told of it.</param>
/// <param name="Command">The program that gives its results and the program's arguments; null where there is none.</param>
internal sealed record ChatTool(ToolDefinition Definition, IReadOnlyList<string>? Command);
