using System.Text.Json;

namespace Hadal.Chat;

/// <summary>What a prompt is made of.</summary>
public sealed record ChatConversation
{
    /// <summary>The messages, in order.</summary>
    public required IReadOnlyList<ChatTurn> Turns { get; init; }

    /// <summary>The tools that the prompt tells of. Not for <see cref="ChatFormat.V3"/>.</summary>
    public IReadOnlyList<ToolDefinition> Tools { get; init; } = [];

    /// <summary>
    /// The JSON schema that the prompt asks the answer to keep to; null for none. Only V3.2's format has words for it: prompts
    /// of other formats leave it out.
    /// </summary>
    public JsonElement? ResponseSchema { get; init; }

    /// <summary>
    /// Whether the model thinks before it answers. Not for <see cref="ChatFormat.V3"/>, nor for <see cref="ChatFormat.V31"/>
    /// together with tools.
    /// </summary>
    public bool Thinking { get; init; }
}
