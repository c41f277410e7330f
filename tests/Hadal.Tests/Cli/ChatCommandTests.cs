using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Model;
using Hadal.Tests.Checkpoints;
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

    [Fact]
    public async Task AfterAnErrorTheConversationGoesOn()
    {
        const string longOne =
            "Who art thou, and whence comest thou, and whither goest thou, and what wilt thou do there, and when, and with whom, and why?";
        string[] args = ["chat", "--context", "32", "-n", "4", "--temperature", "0"];
        CliResult result = await CliResult.RunWithInputAsync($"{longOne}\nWho?\n", args);
        Assert.Equal(1, result.Status);
        Assert.Contains("/clear forgets the conversation", result.Error, StringComparison.Ordinal);
        // The long turn is taken back.
        CliResult without = await CliResult.RunWithInputAsync("Who?\n", args);
        Assert.Equal((0, without.Output), (without.Status, result.Output));
        Assert.NotEqual("\n", result.Output);
    }

    [Theory]
    [InlineData("/foo", "/foo")]
    [InlineData("/foo bar", "/foo")]
    [InlineData("/", "command /;")]
    [InlineData("/Think on", "/Think")]
    [InlineData("/think", "on or off")]
    [InlineData("/think maybe", "'maybe'")]
    [InlineData("/clear all", "'all'")]
    [InlineData("/tools", "needs a file")]
    [InlineData("/schema /no/such/file", "/no/such/file")]
    [InlineData("/schema /", "/schema: ")]
    [InlineData("/tools a\0b", "/tools: ")]
    public async Task CommandsThatCanNotBeDoneAreNamedAndNotSaid(string line, string named)
    {
        CliResult result = await CliResult.RunWithInputAsync($"{line}\n", "chat");
        result.MustRefuse(1, named);
    }

    [Fact]
    public async Task FilesOfCommandsAreNamedWhereTheyAreBroken()
    {
        using var folder = new TemporaryFolder();
        string broken = folder.File("broken.json");
        string unsupported = folder.File("unsupported.json");
        await File.WriteAllTextAsync(broken, "{", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(
            unsupported,
            """{"not": {}}""",
            TestContext.Current.CancellationToken
        );
        foreach (string command in (string[])["/schema", "/tools"])
            (await CliResult.RunWithInputAsync($"{command} {broken}\n", "chat")).MustRefuse(
                1,
                $"{command}: {broken} is not JSON"
            );
        (await CliResult.RunWithInputAsync($"/schema {unsupported}\n", "chat")).MustRefuse(
            1,
            "schema#/not"
        );
    }

    [Fact]
    public async Task ATextMayBeginWithASlash()
    {
        string[] args = ["chat", "-n", "8", "--temperature", "0"];
        CliResult result = await CliResult.RunWithInputAsync("//foo\n", args);
        Assert.Equal(0, result.Status);
        int tokens = ChatTemplate
            .For(DeepSeekTokenizer.Load(Paths.EmbeddedModel))
            .Encode(
                DeepSeekTokenizer.Load(Paths.EmbeddedModel),
                new ChatConversation { Turns = [ChatTurn.User("/foo")] }
            )
            .Ids.Length;
        Assert.StartsWith($"prefill {tokens} tokens,", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ThoughtsAreNoPartOfTheOutput()
    {
        // The small model's tokenizer has the marks of thoughts, but the model never learnt to end one.
        string[] args = ["chat", "--chat-format", "v31", "-n", "6", "--temperature", "0"];
        CliResult result = await CliResult.RunWithInputAsync(
            "/think on\nWho art thou?\n/clear\n/think off\nWho art thou?\n",
            args
        );
        CliResult plain = await CliResult.RunWithInputAsync("Who art thou?\n", args);
        Assert.Equal(0, result.Status);
        Assert.Equal($"\n{plain.Output}", result.Output);
        Assert.Matches(@"\A<think>[^<\n]+</think>\n", result.Error);
        Assert.DoesNotContain("<think>", plain.Error, StringComparison.Ordinal);
        Assert.Contains(
            "the answer was cut: it reached --max-tokens",
            plain.Error,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(true, "\e[2m", "\e[0m")]
    [InlineData(false, "<think>", "</think>")]
    public async Task OnATerminalThoughtsAreDimmed(bool takesEscapes, string begin, string end)
    {
        CliResult result = await CliResult.RunAtKeyboardAsync(
            "Who art thou?\n",
            takesEscapes,
            "chat",
            "--chat-format",
            "v31",
            "--thinking",
            "-n",
            "6",
            "--temperature",
            "0"
        );
        Assert.Equal("> \n> ", result.Output);
        Assert.Matches($"{Regex.Escape(begin)}[^<\e]+{Regex.Escape(end)}\n", result.Error);
        if (!takesEscapes)
            Assert.DoesNotContain('\e', result.Error);
    }

    [Fact]
    public async Task AnswersKeepToASchemaUntilItIsOff()
    {
        using var folder = new TemporaryFolder();
        string schema = folder.File("schema.json");
        await File.WriteAllTextAsync(
            schema,
            """{"type": "object", "required": ["is"], "additionalProperties": false, "properties": {"is": {"type": "boolean"}}}""",
            TestContext.Current.CancellationToken
        );
        string[] args = ["chat", "-n", "40", "--temperature", "0"];
        CliResult result = await CliResult.RunWithInputAsync(
            $"/schema {schema}\nArt thou?\n/schema off\n/clear\nArt thou?\n",
            args
        );
        Assert.Equal(0, result.Status);
        string[] lines = result.Output.Split('\n', 2);
        JsonElement json = JsonDocument.Parse(lines[0]).RootElement;
        Assert.True(json.GetProperty("is").ValueKind is JsonValueKind.True or JsonValueKind.False);
        Assert.Equal((await CliResult.RunWithInputAsync("Art thou?\n", args)).Output, lines[1]);
        CliResult given = await CliResult.RunWithInputAsync(
            "Art thou?\n",
            [.. args, "--schema", schema]
        );
        Assert.Equal($"{lines[0]}\n", given.Output);
    }

    [Fact]
    public async Task ClearForgetsAllButTheSystem()
    {
        string[] args = ["chat", "--system", System, "-n", "8", "--temperature", "0"];
        CliResult once = await CliResult.RunWithInputAsync($"{Lines[0]}\n", args);
        CliResult cleared = await CliResult.RunWithInputAsync(
            $"{Lines[0]}\n/clear\n{Lines[0]}\n",
            args
        );
        Assert.Equal(once.Output + once.Output, cleared.Output);
        int[] prompts = [.. Prompts(once), .. Prompts(cleared)];
        Assert.Equal(3, prompts.Length);
        Assert.Single(prompts.Distinct());
    }

    [Fact]
    public async Task ExitEndsItAndHelpTellsAll()
    {
        CliResult result = await CliResult.RunWithInputAsync("/help\n/exit\nWho?\n", "chat");
        Assert.Equal((0, ""), (result.Status, result.Output));
        Assert.All(
            (string[])["/think", "/tools", "/schema", "/clear", "/help", "/exit", "//"],
            command =>
                Assert.Contains($"\n{command}", $"\n{result.Error}", StringComparison.Ordinal)
        );
    }

    /// <summary>The tokens of each prompt, those in the cache included.</summary>
    internal static IEnumerable<int> Prompts(CliResult result) =>
        Regex
            .Matches(result.Error, "(?m)^prefill ([0-9]+) tokens(?: after ([0-9]+) in the cache)?")
            .Select(match =>
                int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
                + (
                    match.Groups[2].Success
                        ? int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture)
                        : 0
                )
            );
}
