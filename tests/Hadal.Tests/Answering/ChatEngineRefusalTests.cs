using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Grammars;
using Hadal.Inference;
using static Hadal.Tests.Answering.ChatEngines;

namespace Hadal.Tests.Answering;

/// <summary>What a chat engine refuses.</summary>
public sealed class ChatEngineRefusalTests(ChatEngines engines) : IClassFixture<ChatEngines>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Refused { get; } =
    [
        "messages[1].tool_call_id",
        "tool_choice: is 'ask'",
        "tool_choice: asks",
        "response_format: is a grammar",
        "tools[1].function.name",
    ];

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_does_not_go_together_is_refused_by_name(string begin)
    {
        var chat = new ChatEngine(engines.Of(ChatFormat.V32));
        var request = new ChatRequest { Conversation = Ask(Time) };
        request = begin switch
        {
            "messages[1].tool_call_id" => request with
            {
                Conversation = new()
                {
                    Turns =
                    [
                        ChatTurn.Assistant("") with
                        {
                            ToolCalls = [new("a", "get_time", "{}")],
                        },
                        ChatTurn.Tool("b", "noon"),
                    ],
                },
            },
            "tool_choice: is 'ask'" => request with { ToolChoice = ToolChoice.Tool("ask") },
            "tool_choice: asks" => request with
            {
                Conversation = Ask(),
                ToolChoice = ToolChoice.Required,
            },
            "response_format: is a grammar" => request with
            {
                Format = AnswerFormat.Of(Grammar.FromChoices(["yes"])),
            },
            _ => request with { Conversation = Ask(Time, Time) },
        };
        var error = Assert.Throws<ConversationException>(() => chat.Check(request));
        Assert.StartsWith(begin, error.Message, StringComparison.Ordinal);
        Assert.Throws<ConversationException>(() => chat.Submit(request, Cancellation));
    }

    [Fact]
    public async Task What_can_not_be_kept_to_is_refused()
    {
        InferenceEngine engine = engines.Of(ChatFormat.V31);
        var chat = new ChatEngine(engine);
        var thinking = new ChatRequest { Conversation = Ask(Time) with { Thinking = true } };
        Assert.Equal(
            "thinking",
            Assert.Throws<ConversationException>(() => chat.Check(thinking)).Path
        );
        var grammar = new GenerationOptions { Grammar = Grammar.FromJsonObject() };
        Assert.Throws<ArgumentException>(() =>
            chat.Check(new ChatRequest { Conversation = Ask(), Generation = grammar })
        );
        var broken = Ask(
            """{"name": "f", "strict": true, "parameters": {"type": "object", "not": {}}}"""
        );
        var error = await Assert.ThrowsAsync<GrammarException>(() =>
            chat.SubmitAsync(new ChatRequest { Conversation = broken }, Cancellation)
        );
        Assert.Contains("tool 'f'", error.Message, StringComparison.Ordinal);
        var v3 = new ChatEngine(engine, new ChatTemplate(ChatFormat.V3));
        Assert.Equal(
            "tools",
            Assert
                .Throws<ConversationException>(() => v3.Check(new() { Conversation = Ask(Time) }))
                .Path
        );
    }
}
