using System.Text.Json;
using Hadal.Chat;
using Hadal.Json;
using Hadal.Server.Http;

namespace Hadal.Server.Messages;

/// <summary>The fields <c>system</c> and <c>messages</c> of a request of <c>/v1/messages</c>.</summary>
internal static class MessageConversation
{
    /// <exception cref="ApiException">A message is not as it must be.</exception>
    public static IReadOnlyList<ChatTurn> Read(JsonFields request)
    {
        if (!request.Has("messages"))
            throw ApiException.Field("messages", "is missing; send the conversation");
        var turns = new MessageTurns();
        if (request.Has("system"))
            turns.Add(MessageTurns.System, request, "system");
        int count = 0;
        foreach (JsonElement element in request.Array("messages").EnumerateArray())
        {
            var message = new JsonFields(element, $"messages[{count++}]", ApiException.Create);
            string role = message.RequireText(
                "role",
                MessageTurns.User,
                MessageTurns.Assistant,
                MessageTurns.System
            );
            turns.Add(role, message, "content");
        }
        if (count == 0)
            throw ApiException.Field("messages", "is empty; it must have a message");
        if (turns.Role != MessageTurns.User)
            throw ApiException.Field(
                $"messages[{count - 1}]",
                $"is the last and of the role '{turns.Role}'; the last must be a user's, as an answer that is begun is not gone on with"
            );
        return turns.End();
    }
}
