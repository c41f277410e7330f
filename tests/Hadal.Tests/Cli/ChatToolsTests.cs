using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Hadal.Answering;
using Hadal.Chat;
using Hadal.Generation;
using Hadal.Inference;
using Hadal.Tests.Answering;
using Hadal.Tests.Checkpoints;
using Hadal.Tests.Model;

namespace Hadal.Tests.Cli;

/// <summary>Calls in <c>hadal chat</c>, made by random models that must call.</summary>
public sealed class ChatToolsTests
    : IClassFixture<ChatModels>,
        IClassFixture<ChatEngines>,
        IDisposable
{
    private const string Question = "What is the time?";
    private const int Seed = 4;
    private const int MostTokens = 200;

    private readonly ChatModels _models;
    private readonly ChatEngines _engines;
    private readonly TemporaryFolder _folder = new();

    public ChatToolsTests(ChatModels models, ChatEngines engines)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The tools' programs are those of POSIX.");
        _models = models;
        _engines = engines;
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Where the tool of <see cref="Saving"/> writes what it reads.</summary>
    private string Saved => _folder.File("saved");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(ChatFormat.V32)]
    [InlineData(ChatFormat.V31)]
    public async Task A_program_gets_the_arguments_and_the_model_goes_on_with_its_output(
        ChatFormat format
    )
    {
        CliResult result = await CliResult.RunWithInputAsync(
            $"{Question}\n",
            [.. Args(format, Saving("noon")), "--allow-exec"]
        );
        (List<ToolCall> calls, string answer) = await ExpectedAsync(format, "noon");
        Assert.Equal((0, $"{answer}\n"), (result.Status, result.Output));
        Assert.NotEqual(answer, (await ExpectedAsync(format, "midnight")).Answer);
        string saved = await File.ReadAllTextAsync(Saved, Cancellation);
        Assert.Equal(string.Concat(calls.Select(call => call.Arguments)), saved);
        Assert.Equal(
            calls.Select(call => $"call get_time {call.Arguments}"),
            result
                .Error.Split('\n')
                .Where(line => line.StartsWith("call ", StringComparison.Ordinal))
        );
        Assert.Equal(calls.Count, Lines(result.Error, "result noon"));
    }

    [Theory]
    [InlineData(true, "--allow-exec")]
    [InlineData(false, "no command")]
    public async Task Without_leave_nothing_is_run_and_a_script_ends(bool hasCommand, string why)
    {
        CliResult result = await CliResult.RunWithInputAsync(
            $"{Question}\nAnd now?\n",
            Args(ChatFormat.V32, hasCommand ? Saving("noon") : null)
        );
        Assert.Equal((2, ""), (result.Status, result.Output));
        Assert.Contains("hadal: the model calls get_time", result.Error, StringComparison.Ordinal);
        Assert.Contains(why, result.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Saved));
    }

    [Fact]
    public async Task Without_leave_a_user_types_the_result()
    {
        (List<ToolCall> calls, string answer) = await ExpectedAsync(ChatFormat.V32, "noon");
        string typed = string.Concat(calls.Select(_ => "noon\n"));
        CliResult result = await CliResult.RunAtKeyboardAsync(
            $"{Question}\n{typed}",
            takesEscapes: false,
            Args(ChatFormat.V32, Saving("midnight"))
        );
        Assert.Equal(0, result.Status);
        Assert.Equal($"> {Hadal.Cli.Printable.Text(answer)}\n> ", result.Output);
        Assert.Contains("result of get_time: ", result.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Saved));
    }

    [Fact]
    public async Task The_model_is_told_what_a_program_did_wrong()
    {
        CliResult result = await CliResult.RunWithInputAsync(
            $"{Question}\n",
            [.. Args(ChatFormat.V32, ["/no/such/program"]), "--allow-exec"]
        );
        const string told =
            "error: the tool failed: '/no/such/program' can't be started: No such file or directory";
        Assert.Equal(0, result.Status);
        Assert.Contains($"result {told}\n", result.Error, StringComparison.Ordinal);
        Assert.Equal($"{(await ExpectedAsync(ChatFormat.V32, told)).Answer}\n", result.Output);
    }

    [Fact]
    public async Task A_turn_of_too_many_rounds_is_taken_back()
    {
        CliResult result = await CliResult.RunWithInputAsync(
            $"{Question}\n{Question}\n",
            [.. Args(ChatFormat.V32, Saving("noon")), "--allow-exec", "--max-rounds", "0"]
        );
        Assert.Equal((1, ""), (result.Status, result.Output));
        Assert.Equal(2, Lines(result.Error, "hadal: the model calls tools again after 0 rounds"));
        Assert.False(File.Exists(Saved));
        // The second prompt is the first one again.
        int[] prompts = [.. ChatCommandTests.Prompts(result)];
        Assert.Equal(2, prompts.Length);
        Assert.Equal(prompts[0], prompts[1]);
    }

    [Fact]
    public async Task The_answer_after_the_results_keeps_to_the_schema()
    {
        await File.WriteAllTextAsync(
            _folder.File("schema.json"),
            """{"enum": ["a", "b"]}""",
            Cancellation
        );
        // A random model may call again in place of it, or call without end.
        int answers = 0;
        for (int seed = 0; seed < 6; seed++)
        {
            CliResult result = await CliResult.RunWithInputAsync(
                $"{Question}\n",
                [
                    .. Args(ChatFormat.V32, Saving("noon"), seed),
                    "--allow-exec",
                    "--schema",
                    _folder.File("schema.json"),
                ]
            );
            if (result.Status != 0)
                continue;
            answers++;
            Assert.Contains(result.Output, (string[])["\"a\"\n", "\"b\"\n"]);
            Assert.Contains("result noon", result.Error, StringComparison.Ordinal);
        }
        Assert.NotEqual(0, answers);
    }

    [Fact]
    public async Task Tools_are_changed_in_the_conversation()
    {
        string tools = WriteTools(Saving("noon"));
        CliResult result = await CliResult.RunWithInputAsync(
            $"{Question}\n/tools {tools}\n{Question}\n/tools off\n{Question}\n",
            [.. Model(ChatFormat.V32), "--tool-choice", "get_time", "--allow-exec"]
        );
        Assert.Equal(1, result.Status);
        Assert.Equal(2, Lines(result.Error, "hadal: tool_choice: "));
        Assert.True(File.Exists(Saved));
        Assert.NotEmpty(result.Output);
    }

    [Fact]
    public async Task A_choice_of_no_tool_is_refused() =>
        (
            await CliResult.RunWithInputAsync(
                $"{Question}\n",
                [.. Model(ChatFormat.V32), "--tools", WriteTools(null), "--tool-choice", "get_tim"]
            )
        ).MustRefuse(2, "--tool-choice is 'get_tim'");

    [Fact]
    public async Task Formats_without_tools_refuse_them()
    {
        string tools = WriteTools(null);
        string[] v3 = [.. Model(ChatFormat.V31), "--chat-format", "v3"];
        (await CliResult.RunWithInputAsync("x\n", [.. v3, "--tools", tools])).MustRefuse(
            2,
            "--tools: DeepSeek-V3's format has no tools"
        );
        CliResult later = await CliResult.RunWithInputAsync(
            $"/tools {tools}\n/think on\n{Question}\n",
            v3
        );
        Assert.Equal(1, later.Status);
        Assert.Equal(1, Lines(later.Error, "hadal: tools: DeepSeek-V3's format has no tools"));
        Assert.Equal(1, Lines(later.Error, "hadal: thinking: DeepSeek-V3 has no thinking mode"));
        Assert.Equal(1, Lines(later.Error, "prefill "));
        CliResult v31 = await CliResult.RunWithInputAsync(
            $"/tools {tools}\n/think on\n",
            Model(ChatFormat.V31)
        );
        Assert.Equal(1, Lines(v31.Error, "hadal: thinking: DeepSeek-V3.1 does not think where"));
    }

    [Fact]
    public async Task A_signal_ends_the_program_too()
    {
        string id = _folder.File("id");
        string args = string.Join(
            ' ',
            Args(
                    ChatFormat.V32,
                    ["sh", "-c", $"echo $$ > '{id}.new'; mv '{id}.new' '{id}'; sleep 300"]
                )
                .Select(arg => $"'{arg}'")
        );
        using Process process = ToolProcess.Start($"exec {ToolProcess.Hadal} {args} --allow-exec");
        await process.StandardInput.WriteAsync($"{Question}\n");
        await process.StandardInput.FlushAsync(Cancellation);
        Waiting.Until(() => File.Exists(id));
        using (Process kill = Process.Start("kill", ["-INT", $"{process.Id}"]))
            await kill.WaitForExitAsync(Cancellation);
        Assert.Equal(130, (await ToolProcess.EndAsync(process)).Status);
        string program = (await File.ReadAllTextAsync(id, Cancellation)).Trim();
        Waiting.Until(() =>
            !ToolProgramTests.IsRunning(int.Parse(program, CultureInfo.InvariantCulture))
        );
    }

    private static int Lines(string text, string start) =>
        text.Split('\n').Count(line => line.StartsWith(start, StringComparison.Ordinal));

    /// <summary>A program that adds what it reads to a file.</summary>
    private string[] Saving(string result) =>
        ["sh", "-c", "cat >> \"$0\"; printf %s \"$1\"", Saved, result];

    private string[] Args(ChatFormat format, string[]? command, int seed = Seed) =>
        [.. Model(format, seed), "--tools", WriteTools(command), "--tool-choice", "required"];

    private string[] Model(ChatFormat format, int seed = Seed) =>
        [
            "chat",
            "--model",
            format == ChatFormat.V32 ? _models.V32 : _models.V31,
            "--temperature",
            "1",
            "--seed",
            $"{seed}",
            "-n",
            $"{MostTokens}",
        ];

    private string WriteTools(string[]? command)
    {
        string file = _folder.File("tools.json");
        string added = command is null ? "" : $", \"command\": {JsonSerializer.Serialize(command)}";
        File.WriteAllText(
            file,
            $$"""[{"type": "function", "function": {{ChatEngines.Time}}{{added}}}]"""
        );
        return file;
    }

    /// <summary>The calls, and the answer after the results, as the library makes them.</summary>
    private async Task<(List<ToolCall> Calls, string Answer)> ExpectedAsync(
        ChatFormat format,
        string toolResult
    )
    {
        InferenceEngine engine = _engines.Of(format);
        ChatConversation conversation = new()
        {
            Turns = [ChatTurn.User(Question)],
            Tools = [ChatEngines.Tool(ChatEngines.Time)],
        };
        AnswerChoice called = await AnswerAsync(conversation, ToolChoice.Required);
        Assert.Equal(AnswerFinish.ToolCalls, called.Finish);
        AnswerChoice answer = await AnswerAsync(
            conversation with
            {
                Turns =
                [
                    .. conversation.Turns,
                    called.Turn,
                    .. called.ToolCalls.Select(call => ChatTurn.Tool(call.Id, toolResult)),
                ],
            },
            ToolChoice.Auto
        );
        Assert.Empty(answer.ToolCalls);
        return ([.. called.ToolCalls], answer.Turn.Content);

        async Task<AnswerChoice> AnswerAsync(ChatConversation asked, ToolChoice choice)
        {
            ChatAnswer made = new ChatEngine(engine).Submit(
                new ChatRequest
                {
                    Conversation = asked,
                    ToolChoice = choice,
                    Generation = ChatEngines.Draw(engine, Seed, MostTokens),
                },
                Cancellation
            );
            await made.ReadToEndAsync(Cancellation);
            return made.Choices[0];
        }
    }
}
