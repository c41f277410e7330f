using System.Text;
using Hadal.Chat;
using Hadal.Tokenization;
using Microsoft.Extensions.AI;

namespace Hadal.Extensions.AI;

/// <summary>Messages as a chat template takes them.</summary>
internal static class MessageMapping
{
    /// <param name="messages">The messages.</param>
    /// <param name="instructions">What comes before them; null or empty for nothing.</param>
    /// <param name="answers">Tells the tokens of earlier answers.</param>
    public static List<ChatTurn> Turns(
        IEnumerable<ChatMessage> messages,
        string? instructions,
        SampledAnswers answers
    )
    {
        List<ChatTurn> turns = [];
        if (!string.IsNullOrEmpty(instructions))
            turns.Add(ChatTurn.System(instructions));
        foreach (ChatMessage message in messages)
        {
            string text = Text(message);
            turns.Add(
                message.Role == ChatRole.Assistant && answers.Find(text) is { } ids
                    ? ChatTurn.Assistant(text, ids)
                    : new ChatTurn(message.Role.Value, text)
            );
        }
        return turns;
    }

    private static string Text(ChatMessage message)
    {
        var text = new StringBuilder();
        foreach (AIContent content in message.Contents)
        {
            if (content is TextContent plain)
                text.Append(plain.Text);
            // An earlier thought is no part of the next prompt, and a count is none of any.
            else if (content is not (TextReasoningContent or UsageContent))
                throw new NotSupportedException(
                    $"A message of the {message.Role} has {content.GetType().Name}; only text is supported"
                );
        }
        return text.ToString();
    }
}
