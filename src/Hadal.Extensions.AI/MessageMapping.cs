using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Hadal.Chat;
using Microsoft.Extensions.AI;

namespace Hadal.Extensions.AI;

/// <summary>Messages as a chat template takes them. What has no counterpart is refused by name.</summary>
internal static class MessageMapping
{
    // Indented JSON would be more tokens.
    private static readonly JsonTypeInfo s_result = new JsonSerializerOptions(
        AIJsonUtilities.DefaultOptions
    )
    {
        WriteIndented = false,
    }.GetTypeInfo(typeof(object));

    /// <param name="messages">The messages.</param>
    /// <param name="instructions">What comes before them; null or empty for nothing.</param>
    public static List<ChatTurn> Turns(IEnumerable<ChatMessage> messages, string? instructions)
    {
        List<ChatTurn> turns = [];
        if (!string.IsNullOrEmpty(instructions))
            turns.Add(ChatTurn.System(instructions));
        foreach (ChatMessage message in messages)
        {
            if (message.Role == ChatRole.Tool)
                turns.AddRange(Results(message));
            else
                turns.Add(Turn(message));
        }
        return turns;
    }

    private static ChatTurn Turn(ChatMessage message)
    {
        bool isAnswer = message.Role == ChatRole.Assistant;
        var text = new StringBuilder();
        StringBuilder? reasoning = null;
        List<ToolCall> calls = [];
        foreach (AIContent content in message.Contents)
        {
            switch (content)
            {
                case TextContent plain:
                    text.Append(plain.Text);
                    break;
                case TextReasoningContent thought when isAnswer:
                    (reasoning ??= new()).Append(thought.Text);
                    break;
                case FunctionCallContent call when isAnswer:
                    calls.Add(ToolMapping.Call(call));
                    break;
                // A count is no part of a prompt.
                case UsageContent:
                    break;
                default:
                    throw Refusal(message, content);
            }
        }
        return new ChatTurn(message.Role.Value, text.ToString())
        {
            Reasoning = reasoning?.ToString(),
            ToolCalls = calls,
        };
    }

    private static IEnumerable<ChatTurn> Results(ChatMessage message)
    {
        foreach (AIContent content in message.Contents)
        {
            if (content is not FunctionResultContent result)
                throw Refusal(message, content);
            yield return ChatTurn.Tool(result.CallId, Text(message, result.Result));
        }
    }

    /// <summary>A result as the model reads it: texts as they are, all else as JSON.</summary>
    private static string Text(ChatMessage message, object? result) =>
        result switch
        {
            null => "",
            string text => text,
            JsonElement { ValueKind: JsonValueKind.String } json => json.GetString()!,
            AIContent content => Text(message, [content]),
            IEnumerable<AIContent> contents => Text(message, contents),
            _ => JsonSerializer.Serialize(result, s_result),
        };

    private static string Text(ChatMessage message, IEnumerable<AIContent> contents) =>
        string.Concat(
            contents.Select(content =>
                content is TextContent text
                    ? text.Text
                    : throw new NotSupportedException(
                        $"A result in a message of the {message.Role} has {content.GetType().Name}; only text is supported"
                    )
            )
        );

    private static NotSupportedException Refusal(ChatMessage message, AIContent content) =>
        new(
            $"A message of the {message.Role} has {content.GetType().Name}; supported are text, and the reasoning and function calls of the {ChatRole.Assistant}, and function results of the {ChatRole.Tool}"
        );
}
