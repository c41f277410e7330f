using System.Text.Json;
using Hadal.Chat;
using Hadal.Json;
using Hadal.Server.Http;
using Hadal.Server.Messages;

namespace Hadal.Tests.Server.Messages;

/// <summary>Turns of requests of <c>/v1/messages</c>.</summary>
public sealed class MessageTurnsTests
{
    [Fact]
    public void Results_go_before_what_the_user_says_beside_them()
    {
        IReadOnlyList<ChatTurn> turns = Read(
            """
            "system":[{"type":"text","text":"One.","cache_control":{"type":"ephemeral"}},{"type":"text","text":"Two."}],
            "messages":[
              {"role":"user","content":[{"type":"text","text":"<reminder>"},{"type":"text","text":""},{"type":"text","text":"Go."}]},
              {"role":"assistant","content":[
                {"type":"thinking","thinking":"Hm","signature":"x"},
                {"type":"redacted_thinking","data":"secret"},
                {"type":"thinking","thinking":"m.","signature":"y"},
                {"type":"text","text":"I "},{"type":"text","text":"look."},
                {"type":"tool_use","id":"toolu_1","name":"ls","input":{"a":[1,2.50]}},
                {"type":"tool_use","id":"other","name":"pwd","input":{}}]},
              {"role":"user","content":[
                {"type":"text","text":"First"},
                {"type":"tool_result","tool_use_id":"other","content":[{"type":"text","text":"/"},{"type":"text","text":"home"}]},
                {"type":"tool_result","tool_use_id":"toolu_1","is_error":true,"content":"denied"}]},
              {"role":"user","content":"Second"}]
            """
        );
        Assert.Equal(
            [
                "system: One.\n\nTwo.",
                "user: <reminder>\n\nGo.",
                "assistant: (Hmm.) I look. call_1 ls {\"a\":[1,2.50]} other pwd {}",
                "tool: other /\n\nhome",
                "tool: call_1 Error: denied",
                "user: First\n\nSecond",
            ],
            turns.Select(Told)
        );
    }

    [Fact]
    public void Messages_of_one_role_are_one_turn_and_results_alone_are_no_users()
    {
        IReadOnlyList<ChatTurn> turns = Read(
            """
            "system":"One.",
            "messages":[
              {"role":"system","content":"Two."},
              {"role":"user","content":"a"},
              {"role":"assistant","content":"b"},
              {"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"ls","input":{}}]},
              {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1"}]}]
            """
        );
        Assert.Equal(
            ["system: One.\n\nTwo.", "user: a", "assistant: b call_1 ls {}", "tool: call_1 "],
            turns.Select(Told)
        );
    }

    private static IReadOnlyList<ChatTurn> Read(string fields) =>
        MessageConversation.Read(
            new JsonFields(
                JsonDocument.Parse($"{{{fields}}}").RootElement,
                ApiException.Root,
                ApiException.Create
            )
        );

    private static string Told(ChatTurn turn)
    {
        string thought = turn.Reasoning is null ? "" : $"({turn.Reasoning}) ";
        string result = turn.ToolCallId is null ? "" : $"{turn.ToolCallId} ";
        IEnumerable<string> calls = turn.ToolCalls.Select(call =>
            $" {call.Id} {call.Name} {call.Arguments}"
        );
        return $"{turn.Role}: {thought}{result}{turn.Content}{string.Concat(calls)}";
    }
}
