using System.Text.Json;
using Hadal.Chat;
using Hadal.Json;
using Hadal.Server.Http;
using Hadal.Server.Responses;

namespace Hadal.Tests.Server.Responses;

/// <summary>Which items make a turn.</summary>
public sealed class ResponseInputTests
{
    private const string Ask = """{"role":"user","content":"?"}""";
    private const string Think =
        """{"type":"reasoning","summary":[{"type":"summary_text","text":"s"}],"content":[{"type":"reasoning_text","text":"r"}]}""";
    private const string Hidden =
        """{"type":"reasoning","summary":[],"content":null,"encrypted_content":"gAA"}""";
    private const string Empty = """{"type":"reasoning","summary":[],"content":[]}""";
    private const string Say =
        """{"type":"message","role":"assistant","content":[{"type":"output_text","text":"m"}]}""";
    private const string Call1 =
        """{"type":"function_call","call_id":"1","name":"f","namespace":"n","arguments":"{}"}""";
    private const string Call2 =
        """{"type":"custom_tool_call","call_id":"2","name":"c","input":"\"\n"}""";
    private const string Result1 = """{"type":"function_call_output","call_id":"1","output":"x"}""";
    private const string Result2 =
        """{"type":"custom_tool_call_output","call_id":"2","output":"y"}""";

    /// <summary>A turn is written as role(reasoning|content|calls).</summary>
    [Theory]
    [InlineData("user(?)", Ask)]
    [InlineData("user(?) assistant(r|m|n__f{}) tool(x)", Ask, Think, Say, Call1, Result1)]
    [InlineData("assistant(r|m|) user(?)", Think, Say, Ask)]
    [InlineData("assistant(r||) user(?)", Think, Ask)]
    [InlineData("user(?) user(?)", Ask, Hidden, Empty, Ask)]
    // A second message or thought begins a turn...
    [InlineData("assistant(|m|) assistant(|m|)", Say, Say)]
    [InlineData("assistant(r|m|) assistant(r|m|)", Think, Say, Think, Say)]
    // ...but none comes between calls and their results.
    [InlineData(
        """assistant(rr|m|n__f{} c{"input": "\"\n"}) tool(y) tool(x)""",
        Think,
        Call1,
        Think,
        Say,
        Call2,
        Result2,
        Result1
    )]
    [InlineData(
        """assistant(||n__f{}) tool(x) assistant(||c{"input": "\"\n"}) tool(y)""",
        Call1,
        Result1,
        Call2,
        Result2
    )]
    public void Items_become_turns(string expected, params string[] items)
    {
        using var request = JsonDocument.Parse($$"""{"input":[{{string.Join(',', items)}}]}""");
        ResponseTurns turns = ResponseInput.Read(
            new JsonFields(request.RootElement, ApiException.Root, ApiException.Create)
        );
        Assert.Equal(expected, string.Join(' ', turns.Turns.Select(Write)));
        Assert.Equal(turns.Turns.Count, turns.Paths.Count);
        Assert.Equal("input[0]", turns.Paths[0].Turn);
    }

    private static string Write(ChatTurn turn) =>
        turn.Role != "assistant"
            ? $"{turn.Role}({turn.Content})"
            : $"assistant({turn.Reasoning}|{turn.Content}|{string.Join(' ', turn.ToolCalls.Select(call => call.Name + call.Arguments))})";
}
