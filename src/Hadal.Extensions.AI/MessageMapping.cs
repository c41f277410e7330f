using System.Text;
using Hadal.Tokenization;
using Microsoft.Extensions.AI;

namespace Hadal.Extensions.AI;

/// <summary>Messages as a chat template takes them.</summary>
internal static class MessageMapping
{
    public static List<ChatTurn> Turns(IEnumerable<ChatMessage> messages, string? instructions)
    {
        List<ChatTurn> turns = [];
        if (!string.IsNullOrEmpty(instructions))
            turns.Add(ChatTurn.System(instructions));
        foreach (ChatMessage message in messages)
            turns.Add(new ChatTurn(message.Role.Value, Text(message)));
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
