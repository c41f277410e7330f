using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Grammars;

namespace Hadal.Cli.Chatting;

/// <summary>How the turns that follow are answered.</summary>
internal sealed record ChatSettings
{
    /// <summary>Whether the model thinks before it answers.</summary>
    public bool Thinking { get; init; }

    /// <summary>What it may call.</summary>
    public IReadOnlyList<ChatTool> Tools { get; init; } = [];

    /// <summary>Whether the first answer of a turn calls; those after results are free to, unless none may.</summary>
    public ToolChoice ToolChoice { get; init; } = ToolChoice.Auto;

    /// <summary>What answers satisfy; null for any text.</summary>
    public JsonElement? Schema { get; init; }

    /// <summary>How tokens are chosen.</summary>
    public GenerationOptions Generation { get; init; } = new();

    /// <summary>Refuses what the chat format doesn't have, and schemas that can't be kept to.</summary>
    /// <exception cref="ConversationException">Thinking or tools are not for the format.</exception>
    /// <exception cref="GrammarException">A schema can't be kept to.</exception>
    public void Check(ChatTemplate template)
    {
        ChatConversation conversation = Conversation([ChatTurn.User("")]);
        template.Render(conversation);
        if (conversation.Tools.Count > 0)
            Grammar.FromTools(template.Format, conversation.Tools, required: false);
        if (Schema is { } schema)
            Grammar.FromJsonSchema(schema);
    }

    /// <summary>The request of an answer.</summary>
    /// <param name="turns">The conversation.</param>
    /// <param name="choice">Whether it calls.</param>
    public ChatRequest Request(IReadOnlyList<ChatTurn> turns, ToolChoice choice) =>
        new()
        {
            Conversation = Conversation(turns),
            ToolChoice = choice,
            // An answer that must be calls has no content: what comes after the results satisfies the schema.
            Format =
                Schema is { } schema && !choice.IsRequired
                    ? AnswerFormat.JsonSchema(schema)
                    : AnswerFormat.Text,
            Generation = Generation,
        };

    private ChatConversation Conversation(IReadOnlyList<ChatTurn> turns) =>
        new()
        {
            Turns = turns,
            Tools = [.. Tools.Select(tool => tool.Definition)],
            ResponseSchema = Schema,
            Thinking = Thinking,
        };
}
