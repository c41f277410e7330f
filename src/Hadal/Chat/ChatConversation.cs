using System.Text.Json;

namespace Hadal.Chat;

/// <summary>What a prompt is made of.</summary>
public sealed record ChatConversation
{
    /// <summary>The messages, in order.</summary>
    public required IReadOnlyList<ChatTurn> Turns { get; init; }

    /// <summary>The tools that the prompt tells of.</summary>
    public IReadOnlyList<ToolDefinition> Tools { get; init; } = [];

    /// <summary>The JSON schema that the prompt asks the answer to keep to; null for none.</summary>
    public JsonElement? ResponseSchema { get; init; }

    /// <summary>Whether the model thinks before it answers.</summary>
    public bool Thinking { get; init; }
}
