using System.Text.Json;

namespace Hadal.Chat;

/// <summary>
/// V3.2's prompts, by the published <c>encoding/encoding_dsv32.py</c>: turns stay in place, every user turn opens an answer, and
/// reasoning is there from the last user turn on.
/// </summary>
internal static class V32Encoding
{
    private const string ToolsBegin = """


        ## Tools

        You have access to a set of tools you can use to answer the user's question.
        You can invoke functions by writing a "<｜DSML｜function_calls>" block like the following as part of your reply to the user:
        <｜DSML｜function_calls>
        <｜DSML｜invoke name="$FUNCTION_NAME">
        <｜DSML｜parameter name="$PARAMETER_NAME" string="true|false">$PARAMETER_VALUE</｜DSML｜parameter>
        ...
        </｜DSML｜invoke>
        <｜DSML｜invoke name="$FUNCTION_NAME2">
        ...
        </｜DSML｜invoke>
        </｜DSML｜function_calls>

        String and scalar parameters should be specified as is without any escaping or quotes, while lists and objects should use JSON format. The "string" attribute should be set to "true" for string type parameters and "false" for other types (numbers, booleans, arrays, objects).

        If the thinking_mode is enabled, then after function results you should strongly consider outputting a thinking block. Here is an example:

        <｜DSML｜function_calls>
        ...
        </｜DSML｜function_calls>

        <function_results>
        ...
        </function_results>

        <think>...thinking about results</think>

        Here are the functions available in JSONSchema format:
        <functions>

        """;

    private const string Schema = """


        ## Response Format:

        You MUST strictly adhere to the following schema to reply:

        """;

    /// <param name="conversation">The conversation.</param>
    /// <param name="turns">Its turns, checked.</param>
    /// <param name="prompt">Gets the prompt.</param>
    public static void Write(
        ChatConversation conversation,
        IReadOnlyList<ChatTurn> turns,
        PromptWriter prompt
    )
    {
        int firstSystem = FindIndex(ChatTurn.SystemRole);
        int lastUser = FindLastIndex(ChatTurn.UserRole);
        prompt.Format(ChatMarks.Bos);
        // Where there is no system turn, an empty one is in front.
        if (firstSystem < 0)
            WriteTask(conversation, prompt);
        for (int i = 0; i < turns.Count; i++)
        {
            ChatTurn turn = turns[i];
            if (turn.Role == ChatTurn.SystemRole)
            {
                prompt.Content(turn.Content);
                if (i == firstSystem)
                    WriteTask(conversation, prompt);
            }
            else if (turn.Role == ChatTurn.UserRole)
            {
                prompt.Format(ChatMarks.User);
                prompt.Content(turn.Content);
                prompt.Format(
                    ChatMarks.Assistant + Thought(conversation.Thinking && i == lastUser)
                );
            }
            else if (turn.Role == ChatTurn.AssistantRole)
            {
                WriteAnswer(turn, i, conversation.Thinking && i > lastUser, prompt);
            }
            else
            {
                if (turns[i - 1].Role != ChatTurn.ToolRole)
                    prompt.Format("\n\n<function_results>");
                prompt.Format("\n<result>");
                prompt.Content(turn.Content);
                prompt.Format("</result>");
                if (i == turns.Count - 1 || turns[i + 1].Role != ChatTurn.ToolRole)
                    prompt.Format(
                        "\n</function_results>\n\n" + Thought(conversation.Thinking && i > lastUser)
                    );
            }
        }

        static string Thought(bool begins) => begins ? ChatMarks.ThinkBegin : ChatMarks.ThinkEnd;

        int FindIndex(string role) =>
            Enumerable.Range(0, turns.Count).FirstOrDefault(i => turns[i].Role == role, -1);

        int FindLastIndex(string role) =>
            Enumerable.Range(0, turns.Count).LastOrDefault(i => turns[i].Role == role, -1);
    }

    /// <summary>What the model may call, and what its answer must be.</summary>
    private static void WriteTask(ChatConversation conversation, PromptWriter prompt)
    {
        if (conversation.Tools.Count > 0)
        {
            prompt.Format(ToolsBegin);
            foreach (ToolDefinition tool in conversation.Tools)
                prompt.Content($"{tool.Text}\n");
            prompt.Format("</functions>\n");
        }
        if (conversation.ResponseSchema is { } schema)
        {
            prompt.Format(Schema);
            prompt.Content(PythonJson.Write(schema, "response_format.json_schema.schema"));
        }
    }

    private static void WriteAnswer(ChatTurn turn, int index, bool thinks, PromptWriter prompt)
    {
        prompt.BeginAnswer();
        if (thinks)
        {
            // Clients leave out what was thought: then there was no thought.
            prompt.Content(turn.Reasoning ?? "");
            prompt.Format(ChatMarks.ThinkEnd);
        }
        prompt.Content(turn.Content);
        if (turn.ToolCalls.Count > 0)
        {
            prompt.Format("\n\n<｜DSML｜function_calls>\n");
            for (int i = 0; i < turn.ToolCalls.Count; i++)
                WriteCall(turn.ToolCalls[i], ConversationCheck.ArgumentsPath(index, i), prompt);
            prompt.Format("</｜DSML｜function_calls>");
        }
        prompt.EndAnswer(turn);
        prompt.Format(ChatMarks.Eos);
    }

    /// <summary>A call without arguments has an empty line.</summary>
    private static void WriteCall(ToolCall call, string path, PromptWriter prompt)
    {
        prompt.Format("<｜DSML｜invoke name=\"");
        prompt.Content(call.Name);
        prompt.Format("\">");
        var arguments = PythonJson.Members(ConversationCheck.Arguments(call, path), path);
        if (arguments.Count == 0)
            prompt.Format("\n");
        foreach ((string name, JsonElement value) in arguments)
        {
            bool isString = value.ValueKind == JsonValueKind.String;
            prompt.Format("\n<｜DSML｜parameter name=\"");
            prompt.Content(name);
            prompt.Format($"\" string=\"{(isString ? "true" : "false")}\">");
            prompt.Content(isString ? PythonJson.Text(value, path) : PythonJson.Write(value, path));
            prompt.Format("</｜DSML｜parameter>");
        }
        prompt.Format("\n</｜DSML｜invoke>\n");
    }
}
