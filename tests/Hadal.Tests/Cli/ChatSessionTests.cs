using Hadal.Answering;
using Hadal.Chat;
using Hadal.Cli;
using Hadal.Cli.Chatting;
using Hadal.Inference;
using Hadal.Tests.Answering;

namespace Hadal.Tests.Cli;

public sealed class ChatSessionTests(ChatEngines engines) : IClassFixture<ChatEngines>
{
    private const string Question = "Who's there?";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ChatFormat.V31)]
    [InlineData(ChatFormat.V32)]
    public async Task A_thought_and_the_answer_after_it_go_to_streams_of_their_own(
        ChatFormat format
    )
    {
        InferenceEngine engine = engines.Of(format);
        int both = 0;
        for (ulong seed = 0; seed < 6; seed++)
        {
            var settings = new ChatSettings
            {
                Thinking = true,
                Generation = ChatEngines.Draw(engine, seed, 400, "</think>"),
            };
            ChatAnswer answer = new ChatEngine(engine).Submit(
                settings.Request([ChatTurn.User(Question)], ToolChoice.Auto),
                Cancellation
            );
            await answer.ReadToEndAsync(Cancellation);
            ChatTurn expected = answer.Choices[0].Turn;
            using var output = new StringWriter();
            using var error = new StringWriter();
            await Session(engine, settings, output, error).RespondAsync(Question, Cancellation);
            Assert.Equal($"{expected.Content}\n", output.ToString());
            string thought = expected.Reasoning is { } reasoning
                ? $"<think>{reasoning}</think>\n"
                : "";
            Assert.StartsWith($"{thought}prefill ", error.ToString(), StringComparison.Ordinal);
            if (expected is { Content: not "", Reasoning: not null })
                both++;
        }
        Assert.NotEqual(0, both);
    }

    private static ChatSession Session(
        InferenceEngine engine,
        ChatSettings settings,
        StringWriter output,
        StringWriter error
    )
    {
        var terminal = new Terminal
        {
            Piped = TextReader.Null,
            Keyboard = TextReader.Null,
            Output = output,
            Error = error,
        };
        var results = new ToolResults(terminal, new ChatLines(terminal), program: null);
        return new ChatSession(
            new ChatEngine(engine),
            terminal,
            results,
            maxRounds: 1,
            system: null
        )
        {
            Settings = settings,
        };
    }
}
