using Hadal.Chat;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Inference;
using Hadal.Tokenization;

namespace Hadal.Tests.Cli;

public sealed class ChatCommandTests
{
    private const string System = "Thou art a prophet.";
    private static readonly string[] Lines = ["Who art thou?", "Whence comest thou?"];

    [Fact]
    public async Task EachAnswerFollowsTheWholeConversation()
    {
        CliResult result = await CliResult.RunWithInputAsync(
            string.Join('\n', Lines) + "\n",
            ["chat", "--system", System, "-n", "70", "--temperature", "0"]
        );
        Assert.Equal(0, result.Status);
        Assert.Equal(string.Concat(Expected().Select(answer => answer + "\n")), result.Output);
        Assert.Equal(
            2,
            result.Error.Split('\n').Count(l => l.StartsWith("prefill ", StringComparison.Ordinal))
        );
        Assert.Single(result.Error.Split('\n'), l => l.Contains(" in the cache"));
    }

    private static List<string> Expected()
    {
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);
        ChatTemplate template = ChatTemplate.For(tokenizer);
        using Device device = Device.Cpu();
        using DeepSeekModel model = DeepSeekModel.Load(Paths.EmbeddedModel, device);
        using var engine = new InferenceEngine(model, tokenizer);
        List<ChatTurn> turns = [ChatTurn.System(System)];
        List<string> answers = [];
        foreach (string line in Lines)
        {
            turns.Add(ChatTurn.User(line));
            List<GeneratedToken> tokens = engine
                .Submit(
                    template.Encode(tokenizer, new ChatConversation { Turns = turns }).Ids.Span,
                    new GenerationOptions { Stop = new StopConditions { MaxTokens = 70 } }
                )
                .Tokens();
            string answer = tokens.Text();
            turns.Add(ChatTurn.Assistant(answer, tokens.Ids()));
            answers.Add(answer);
        }
        return answers;
    }

    [Fact]
    public async Task TheFormatCanBeNamed()
    {
        // The small tokenizer has the marks of V3.1; V3's format has no thinking mode.
        string[] args = ["chat", "--thinking", "-n", "1"];
        CliResult named = await CliResult.RunWithInputAsync(
            "Who art thou?\n",
            [.. args, "--chat-format", "v31"]
        );
        Assert.Equal(0, named.Status);
        (await CliResult.RunWithInputAsync("x\n", [.. args, "--chat-format", "v3"])).MustRefuse(
            2,
            "--thinking"
        );
        (await CliResult.RunWithInputAsync("x\n", [.. args, "--chat-format", "v4"])).MustRefuse(
            2,
            "--chat-format",
            "v3, v31 or v32"
        );
    }

    [Fact]
    public async Task AnEmptyLineEndsIt()
    {
        CliResult result = await CliResult.RunWithInputAsync("\nWho art thou?\n", "chat");
        Assert.Equal(0, result.Status);
        Assert.Equal("", result.Output);
    }

    [Fact]
    public async Task AConversationLongerThanTheContextIsAnError()
    {
        CliResult result = await CliResult.RunWithInputAsync(
            "Who art thou, and whence comest thou?\n",
            "chat",
            "--context",
            "8"
        );
        result.MustRefuse(1, "8");
    }
}
