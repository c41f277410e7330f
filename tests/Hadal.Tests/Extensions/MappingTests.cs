using System.Text.Json;
using Hadal.Chat;
using Hadal.Extensions.AI;
using Microsoft.Extensions.AI;

namespace Hadal.Tests.Extensions;

/// <summary>Messages, calls and tools, to what the library takes and back.</summary>
public sealed class MappingTests
{
    public static TheoryData<object?, string> Results { get; } =
        new()
        {
            { null, "" },
            { "a \"b\"", "a \"b\"" },
            { Json("\"a \\u00e9\""), "a é" },
            { 1.5, "1.5" },
            { Json("""{"a": [1]}"""), """{"a":[1]}""" },
            {
                new Dictionary<string, object?> { ["a"] = true },
                """{"a":true}"""
            },
            { new TextContent("a"), "a" },
            { new AIContent[] { new TextContent("a"), new TextContent("b") }, "ab" },
        };

    [Theory]
    [MemberData(nameof(Results), DisableDiscoveryEnumeration = true)]
    public void Results_are_texts_as_they_are_and_else_json(object? result, string expected)
    {
        ChatTurn turn = Assert.Single(
            MessageMapping.Turns(
                [new ChatMessage(ChatRole.Tool, [new FunctionResultContent("a", result)])],
                null
            )
        );
        Assert.Equal("a", turn.ToolCallId);
        Assert.Equal(expected, turn.Content);
    }

    [Fact]
    public void An_answer_with_all_contents_is_one_turn()
    {
        var answer = new ChatMessage(
            ChatRole.Assistant,
            [
                new TextReasoningContent("th"),
                new TextReasoningContent("ought"),
                new TextContent("te"),
                new TextContent("xt"),
                new FunctionCallContent("a", "one"),
                new FunctionCallContent(
                    "b",
                    "two",
                    new Dictionary<string, object?> { ["é"] = 1, ["s"] = "x" }
                ),
                new UsageContent(),
            ]
        );
        ChatTurn turn = Assert.Single(MessageMapping.Turns([answer], null));
        Assert.Equal("thought", turn.Reasoning);
        Assert.Equal("text", turn.Content);
        Assert.Equal(new ToolCall("a", "one", "{}"), turn.ToolCalls[0]);
        Assert.Equal(("b", "two"), (turn.ToolCalls[1].Id, turn.ToolCalls[1].Name));
        JsonElement arguments = Json(turn.ToolCalls[1].Arguments);
        Assert.Equal(1, arguments.GetProperty("é").GetInt32());
        Assert.Equal("x", arguments.GetProperty("s").GetString());
    }

    [Fact]
    public void A_call_comes_back_as_it_was_written_unless_it_was_changed()
    {
        var call = new ToolCall("a", "one", """{"x":  1}""");
        FunctionCallContent content = ToolMapping.Content(call);
        Assert.Equal(1, Assert.IsType<JsonElement>(content.Arguments!["x"]).GetInt32());
        Assert.Equal(call, ToolMapping.Call(content));
        content.Arguments["x"] = 2;
        Assert.Equal(2, Json(ToolMapping.Call(content).Arguments).GetProperty("x").GetInt32());
    }

    [Fact]
    public void Broken_arguments_are_an_error_of_the_content()
    {
        FunctionCallContent content = ToolMapping.Content(new ToolCall("a", "one", """{"x": """));
        Assert.Null(content.Arguments);
        Assert.IsType<JsonException>(content.Exception?.GetBaseException(), exactMatch: false);
        Assert.Equal("{}", ToolMapping.Call(content).Arguments);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [InlineData(null)]
    public void Strictness_is_an_additional_property(bool? strict)
    {
        AIFunction function = AIFunctionFactory.Create(
            (int x) => x,
            new AIFunctionFactoryOptions
            {
                Name = "one",
                Description = "The first",
                AdditionalProperties = strict is null
                    ? null
                    : new Dictionary<string, object?> { ["strict"] = strict },
            }
        );
        ToolDefinition tool = Assert.Single(ToolMapping.Tools(new() { Tools = [function] }));
        Assert.Equal("one", tool.Name);
        Assert.Equal("The first", tool.Function.GetProperty("description").GetString());
        Assert.True(JsonElement.DeepEquals(function.JsonSchema, tool.Parameters!.Value));
        Assert.Equal(
            strict is not null,
            tool.Function.TryGetProperty("strict", out JsonElement is_)
        );
        if (strict is not null)
            Assert.Equal(strict, is_.GetBoolean());
    }

    [Fact]
    public void Contents_out_of_place_are_refused_by_name()
    {
        Refuses(ChatRole.User, new FunctionCallContent("a", "one"));
        Refuses(ChatRole.User, new TextReasoningContent("a"));
        Refuses(ChatRole.Tool, new TextContent("a"));
        Refuses(ChatRole.Assistant, new DataContent(new byte[] { 1 }, "image/png"));
        var error = Assert.Throws<NotSupportedException>(() =>
            MessageMapping.Turns(
                [
                    new ChatMessage(
                        ChatRole.Tool,
                        [
                            new FunctionResultContent(
                                "a",
                                new DataContent(new byte[] { 1 }, "image/png")
                            ),
                        ]
                    ),
                ],
                null
            )
        );
        Assert.Contains(nameof(DataContent), error.Message, StringComparison.Ordinal);

        static void Refuses(ChatRole role, AIContent content) =>
            Assert.Contains(
                content.GetType().Name,
                Assert
                    .Throws<NotSupportedException>(() =>
                        MessageMapping.Turns([new ChatMessage(role, [content])], null)
                    )
                    .Message,
                StringComparison.Ordinal
            );
    }

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;
}
