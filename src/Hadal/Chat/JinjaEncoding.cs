namespace Hadal.Chat;

/// <summary>
/// V3's and V3.1's prompts, by the published <c>chat_template</c> (<c>tokenizer_config.json</c>; of V3.1 the form that
/// V3.1-Terminus and V3.2-Exp have, which opens an answer after an answer too), and V3.1's tools by its model card: system turns
/// move to the front, and an answer is opened where an assistant turn follows.
/// </summary>
internal static class JinjaEncoding
{
    private const string ToolsBegin = "\n\n## Tools\nYou have access to the following tools:\n";

    private const string ToolsEnd = $$"""

        IMPORTANT: ALWAYS adhere to this exact format for tool use:
        {{ChatMarks.CallsBegin}}{{ChatMarks.CallBegin}}tool_call_name{{ChatMarks.CallSeparator}}tool_call_arguments{{ChatMarks.CallEnd}}{additional_tool_calls}{{ChatMarks.CallsEnd}}

        Where:
        - `tool_call_name` must be an exact match to one of the available tools
        - `tool_call_arguments` must be valid JSON that strictly follows the tool's Parameters Schema
        - For multiple tool calls, chain them directly without separators or spaces
        """;

    /// <param name="conversation">The conversation.</param>
    /// <param name="turns">Its turns, checked.</param>
    /// <param name="isV3">Whether the format is V3, or V3.1.</param>
    /// <param name="prompt">Gets the prompt.</param>
    public static void Write(
        ChatConversation conversation,
        IReadOnlyList<ChatTurn> turns,
        bool isV3,
        PromptWriter prompt
    )
    {
        prompt.Format(ChatMarks.Bos);
        IEnumerable<string> system = turns
            .Where(turn => turn.Role == ChatTurn.SystemRole)
            .Select(turn => turn.Content);
        prompt.Content(string.Join("\n\n", system));
        if (conversation.Tools.Count > 0)
            WriteTools(conversation.Tools, prompt);
        string? last = null; // The role before, but for the system's.
        foreach (ChatTurn turn in turns.Where(turn => turn.Role != ChatTurn.SystemRole))
        {
            if (turn.Role == ChatTurn.UserRole)
            {
                prompt.Format(ChatMarks.User);
                prompt.Content(turn.Content);
            }
            else if (turn.Role == ChatTurn.ToolRole)
            {
                prompt.Format(ChatMarks.OutputBegin);
                prompt.Content(turn.Content);
                prompt.Format(ChatMarks.OutputEnd);
            }
            else
            {
                // V3.1 opens an answer only after a user; V3 opens every one.
                if (isV3)
                    prompt.Format(ChatMarks.Assistant);
                else if (last == ChatTurn.UserRole)
                    prompt.Format(ChatMarks.Assistant + ChatMarks.ThinkEnd);
                bool isWhole = isV3 || last == ChatTurn.ToolRole || turn.ToolCalls.Count > 0;
                WriteAnswer(turn, isWhole ? turn.Content : WithoutThought(turn.Content), prompt);
            }
            last = turn.Role;
        }
        // After a result V3.1's answer stands bare.
        if (isV3)
            prompt.Format(ChatMarks.Assistant);
        else if (last != ChatTurn.ToolRole)
            prompt.Format(
                ChatMarks.Assistant
                    + (conversation.Thinking ? ChatMarks.ThinkBegin : ChatMarks.ThinkEnd)
            );
    }

    private static void WriteTools(IReadOnlyList<ToolDefinition> tools, PromptWriter prompt)
    {
        prompt.Format(ToolsBegin);
        foreach (ToolDefinition tool in tools)
            prompt.Content(
                $"\n### {tool.Name}\nDescription: {tool.Description}\n\nParameters: {tool.ParametersText}\n"
            );
        prompt.Format(ToolsEnd);
    }

    private static void WriteAnswer(ChatTurn turn, string content, PromptWriter prompt)
    {
        prompt.BeginAnswer();
        prompt.Content(content);
        if (turn.ToolCalls.Count > 0)
        {
            prompt.Format(ChatMarks.CallsBegin);
            foreach (ToolCall call in turn.ToolCalls)
            {
                prompt.Format(ChatMarks.CallBegin);
                prompt.Content(call.Name);
                prompt.Format(ChatMarks.CallSeparator);
                prompt.Content(call.Arguments);
                prompt.Format(ChatMarks.CallEnd);
            }
            prompt.Format(ChatMarks.CallsEnd);
        }
        prompt.EndAnswer(turn);
        prompt.Format(ChatMarks.Eos);
    }

    private static string WithoutThought(string content)
    {
        int end = content.IndexOf(ChatMarks.ThinkEnd, StringComparison.Ordinal);
        return end < 0 ? content : content[(end + ChatMarks.ThinkEnd.Length)..];
    }
}
