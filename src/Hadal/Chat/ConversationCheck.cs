using System.Text.Json;

namespace Hadal.Chat;

/// <summary>Refuses conversations that can't become a prompt, and puts results of tools into the order of their calls.</summary>
internal static class ConversationCheck
{
    /// <summary>The turns as formats write them: results pair with calls by their place.</summary>
    /// <exception cref="ConversationException">Something is wrong; the message says of which turn.</exception>
    public static IReadOnlyList<ChatTurn> Turns(ChatConversation conversation, ChatFormat format)
    {
        IReadOnlyList<ChatTurn> turns = conversation.Turns;
        if (turns.Count == 0)
            throw new ConversationException("messages", "is empty; it must have a message");
        List<ChatTurn> ordered = [];
        while (ordered.Count < turns.Count)
        {
            int index = ordered.Count;
            ChatTurn turn = turns[index];
            ordered.Add(turn);
            if (turn.Role == ChatTurn.ToolRole)
                throw new ConversationException(
                    Path(index),
                    "is a tool's result, but no calls are before it"
                );
            if (turn.ToolCalls.Count == 0)
                continue;
            if (turn.Role != ChatTurn.AssistantRole)
                throw new ConversationException(
                    $"{Path(index)}.tool_calls",
                    $"a turn of the role '{turn.Role}' has calls; only one of '{ChatTurn.AssistantRole}' may"
                );
            CheckCalls(turn, index);
            ordered.AddRange(Results(turns, index));
        }
        CheckFormat(conversation, format);
        return ordered;
    }

    /// <summary>The arguments of a call.</summary>
    /// <exception cref="ConversationException">They are no JSON object.</exception>
    public static JsonElement Arguments(ToolCall call, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(
                call.Arguments,
                new JsonDocumentOptions { MaxDepth = PythonJson.MaxDepth }
            );
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return document.RootElement.Clone();
        }
        // The latter is thrown for half of a surrogate pair.
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw NoObject(e);
        }
        throw NoObject(null);

        ConversationException NoObject(Exception? inner) =>
            new(
                path,
                $"is {QuotedText.Shorten(call.Arguments)}, must be the text of a JSON object",
                inner
            );
    }

    /// <summary>What errors call the arguments of a call.</summary>
    public static string ArgumentsPath(int turn, int call) =>
        $"{Path(turn)}.tool_calls[{call}].function.arguments";

    private static string Path(int index) => $"messages[{index}]";

    private static void CheckCalls(ChatTurn turn, int index)
    {
        var ids = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < turn.ToolCalls.Count; i++)
        {
            ToolCall call = turn.ToolCalls[i];
            if (!ids.Add(call.Id))
                throw new ConversationException(
                    $"{Path(index)}.tool_calls[{i}].id",
                    $"is '{QuotedText.Shorten(call.Id)}', which a call before it has; ids must differ"
                );
            Arguments(call, ArgumentsPath(index, i));
        }
    }

    /// <summary>The results that follow an answer with calls, in the calls' order.</summary>
    private static IEnumerable<ChatTurn> Results(IReadOnlyList<ChatTurn> turns, int answer)
    {
        IReadOnlyList<ToolCall> calls = turns[answer].ToolCalls;
        HashSet<string> ids = [.. calls.Select(call => call.Id)];
        var results = new Dictionary<string, ChatTurn>(StringComparer.Ordinal);
        for (int i = answer + 1; i < turns.Count && turns[i].Role == ChatTurn.ToolRole; i++)
        {
            string id = turns[i].ToolCallId ?? "";
            string was = $"is '{QuotedText.Shorten(id)}'";
            if (!ids.Contains(id))
                throw new ConversationException(
                    $"{Path(i)}.tool_call_id",
                    $"{was}, must be an id of {Path(answer)}.tool_calls"
                );
            if (!results.TryAdd(id, turns[i]))
                throw new ConversationException(
                    $"{Path(i)}.tool_call_id",
                    $"{was}, which a result before it has; a call has one result"
                );
        }
        int missing = calls.TakeWhile(call => results.ContainsKey(call.Id)).Count();
        if (missing < calls.Count)
            throw new ConversationException(
                $"{Path(answer)}.tool_calls[{missing}]",
                $"the call '{QuotedText.Shorten(calls[missing].Id)}' has no result; the results of all calls must follow at once"
            );
        return calls.Select(call => results[call.Id]);
    }

    private static void CheckFormat(ChatConversation conversation, ChatFormat format)
    {
        IReadOnlyList<ChatTurn> turns = conversation.Turns;
        bool hasTools = conversation.Tools.Count > 0;
        if (format == ChatFormat.V3)
        {
            if (hasTools)
                throw Toolless("tools");
            for (int i = 0; i < turns.Count; i++)
            {
                if (turns[i].ToolCalls.Count > 0)
                    throw Toolless($"{Path(i)}.tool_calls");
            }
            if (conversation.Thinking)
                throw new ConversationException("thinking", "DeepSeek-V3 has no thinking mode");
        }
        bool endsWithResult =
            turns.LastOrDefault(turn => turn.Role != ChatTurn.SystemRole)?.Role
            == ChatTurn.ToolRole;
        if (format == ChatFormat.V31 && conversation.Thinking && (hasTools || endsWithResult))
            throw new ConversationException(
                "thinking",
                "DeepSeek-V3.1 does not think where it has tools; leave out thinking, or the tools"
            );
        if (format == ChatFormat.V32 && turns[^1].Role == ChatTurn.SystemRole)
            throw new ConversationException(
                Path(turns.Count - 1),
                "is the system's and the last; in DeepSeek-V3.2's format no answer can follow it"
            );

        static ConversationException Toolless(string path) =>
            new(path, "DeepSeek-V3's format has no tools that work; V3.1's and V3.2's do");
    }
}
