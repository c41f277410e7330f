namespace Hadal.Answering;

/// <summary>Whether an answer calls tools.</summary>
public sealed class ToolChoice
{
    private ToolChoice() { }

    /// <summary>The model chooses.</summary>
    public static ToolChoice Auto { get; } = new();

    /// <summary>It calls none, and the prompt tells of none.</summary>
    public static ToolChoice None { get; } = new();

    /// <summary>It is calls and nothing else.</summary>
    public static ToolChoice Required { get; } = new() { IsRequired = true };

    /// <summary>Whether the answer is calls and nothing else.</summary>
    public bool IsRequired { get; private init; }

    /// <summary>The only tool that may be called; null for all.</summary>
    public string? ToolName { get; private init; }

    /// <summary>It is calls of one tool and nothing else.</summary>
    /// <param name="toolName">The tool's name.</param>
    public static ToolChoice Tool(string toolName)
    {
        ArgumentNullException.ThrowIfNull(toolName);
        return new() { IsRequired = true, ToolName = toolName };
    }
}
