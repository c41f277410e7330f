namespace Hadal.Chat;

/// <summary>One message of a conversation.</summary>
public sealed record ChatTurn
{
    internal const string SystemRole = "system";
    internal const string UserRole = "user";
    internal const string AssistantRole = "assistant";
    internal const string ToolRole = "tool";

    /// <summary>A message of <paramref name="role"/>.</summary>
    /// <param name="role"><c>system</c>, <c>user</c>, <c>assistant</c> or <c>tool</c>.</param>
    /// <param name="content">The message. It is always plain text: special tokens in it are not recognised.</param>
    /// <exception cref="ArgumentException">The role is another.</exception>
    public ChatTurn(string role, string content)
    {
        ArgumentNullException.ThrowIfNull(role);
        ArgumentNullException.ThrowIfNull(content);
        if (role is not (SystemRole or UserRole or AssistantRole or ToolRole))
            throw new ArgumentException(
                $"The role '{role}' is not supported; it must be {SystemRole}, {UserRole}, {AssistantRole} or {ToolRole}",
                nameof(role)
            );
        Role = role;
        Content = content;
    }

    /// <summary><c>system</c>, <c>user</c>, <c>assistant</c> or <c>tool</c>.</summary>
    public string Role { get; }

    /// <summary>The message.</summary>
    public string Content { get; }

    /// <summary>What the model thought before an answer; null where it is not known.</summary>
    public string? Reasoning { get; init; }

    /// <summary>The tools that an answer calls, after its content.</summary>
    public IReadOnlyList<ToolCall> ToolCalls
    {
        get;
        init => field = [.. value ?? throw new ArgumentNullException(nameof(ToolCalls))];
    } = [];

    /// <summary>Of a tool's result the id of the call; null for other roles.</summary>
    public string? ToolCallId { get; init; }

    /// <summary>
    /// What an answer was generated as: its tokens go into later prompts as they are, in place of those of its text, where they
    /// are tokens of just that text. Null for none.
    /// </summary>
    internal IReadOnlyList<int>? Ids { get; init; }

    /// <summary>Instructions to the model.</summary>
    /// <param name="content">The message.</param>
    public static ChatTurn System(string content) => new(SystemRole, content);

    /// <summary>What the user says.</summary>
    /// <param name="content">The message.</param>
    public static ChatTurn User(string content) => new(UserRole, content);

    /// <summary>What the model answered.</summary>
    /// <param name="content">The message, without what was thought.</param>
    public static ChatTurn Assistant(string content) => new(AssistantRole, content);

    /// <summary>
    /// What the model answered, with the tokens that it generated: a later prompt finds those in the prefix cache. Set
    /// <see cref="Reasoning"/> and <see cref="ToolCalls"/> where there were such.
    /// </summary>
    /// <param name="content">The message, without what was thought.</param>
    /// <param name="ids">
    /// All tokens of the answer. Where the last of them are not tokens of just what a prompt has of the turn, and an EOS, they
    /// are not used: after a stop string, or where the model wrote a call in other words than the format.
    /// </param>
    public static ChatTurn Assistant(string content, IReadOnlyList<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return new(AssistantRole, content) { Ids = [.. ids] };
    }

    /// <summary>What a tool gave back.</summary>
    /// <param name="toolCallId">The id of the call.</param>
    /// <param name="content">The result.</param>
    public static ChatTurn Tool(string toolCallId, string content)
    {
        ArgumentNullException.ThrowIfNull(toolCallId);
        return new(ToolRole, content) { ToolCallId = toolCallId };
    }
}
