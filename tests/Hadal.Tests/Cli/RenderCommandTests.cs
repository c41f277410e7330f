using System.Globalization;
using Hadal.Tests.Tokenization;

namespace Hadal.Tests.Cli;

public sealed class RenderCommandTests : IDisposable
{
    private const string Request = """
        {"messages":[{"role":"system","content":"one"},{"role":"user","content":"a"},
         {"role":"system","content":"two"},{"role":"user","content":"Who art thou? 世界"}]}
        """;

    // By encoding_dsv32.py, and by V3's template, which puts system messages in front.
    private const string V32Prompt =
        "<｜begin▁of▁sentence｜>one<｜User｜>a<｜Assistant｜></think>two<｜User｜>Who art thou? 世界<｜Assistant｜></think>";
    private const string V3Prompt =
        "<｜begin▁of▁sentence｜>one\n\ntwo<｜User｜>a<｜User｜>Who art thou? 世界<｜Assistant｜>";

    private readonly string _file = Path.GetTempFileName();

    public RenderCommandTests() => File.WriteAllText(_file, Request);

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task AFileIsRenderedInTheCheckpointSOwnFormatWithNothingAdded()
    {
        // The embedded model has V3's template.
        CliResult result = await CliResult.RunAsync("render", _file);
        Assert.Equal(0, result.Status);
        Assert.Equal(V3Prompt, result.Output);
        Assert.Empty(result.Error);
    }

    [Theory]
    [InlineData("-")]
    [InlineData]
    public async Task TheStandardInputIsRendered(params string[] file)
    {
        CliResult result = await CliResult.RunWithInputAsync(
            Request,
            ["render", .. file, "--chat-format", "v32"]
        );
        Assert.Equal(V32Prompt, result.Output);
    }

    [Fact]
    public async Task AnotherCheckpointSFormatIsTakenFromIt()
    {
        // Without a template, V3.2 is told by the model_type.
        using var folder = new LinkedModel();
        folder.Write(
            "tokenizer_config.json",
            """{"bos_token":"<｜begin▁of▁sentence｜>","eos_token":"<｜end▁of▁sentence｜>"}"""
        );
        CliResult result = await CliResult.RunAsync("render", _file, "--model", folder.Path);
        Assert.Equal(V32Prompt, result.Output);
    }

    [Fact]
    public async Task IdsAreThoseOfTheTokenizer()
    {
        CliResult result = await CliResult.RunAsync("render", _file, "--ids");
        Assert.Equal(0, result.Status);
        int[] expected = TestTokenizers.Small.Encode(
            V3Prompt,
            addSpecialTokens: false,
            parseSpecialTokens: true
        );
        Assert.Equal(
            expected,
            result.Output.Split(' ').Select(id => int.Parse(id, CultureInfo.InvariantCulture))
        );
        Assert.EndsWith("\n", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ATerminalIsNotSteered()
    {
        await File.WriteAllTextAsync(
            _file,
            """{"messages":[{"role":"user","content":"\u001b[2J"}]}""",
            TestContext.Current.CancellationToken
        );
        CliResult shown = await CliResult.RunOnTerminalAsync(takesEscapes: true, "render", _file);
        Assert.Contains("\\u001b[2J", shown.Output, StringComparison.Ordinal);
        CliResult piped = await CliResult.RunAsync("render", _file);
        Assert.Contains("\u001b[2J", piped.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", "is not JSON")]
    [InlineData("""{"messages":[{"role":"user","content":1}]}""", "messages[0].content: ")]
    [InlineData("""{"messages":[]}""", "messages: is empty")]
    public async Task ABadRequestIsAnErrorThatNamesWhatIsWrong(string json, string part) =>
        (await CliResult.RunWithInputAsync(json, "render")).MustRefuse(1, part);

    [Fact]
    public async Task WhatTheFormatHasNotIsAnError() =>
        (
            await CliResult.RunWithInputAsync(
                """{"messages":[{"role":"user","content":""}],"thinking":true}""",
                "render",
                "--chat-format",
                "v3"
            )
        ).MustRefuse(1, "thinking: ", "V3");

    [Fact]
    public async Task ATokenThatTheTokenizerLacksIsAnError() =>
        (
            await CliResult.RunAsync(
                "render",
                _file,
                "--ids",
                "--chat-format",
                "v31",
                "--model",
                Paths.DeepSeekTokenizer
            )
        ).MustRefuse(1, "'</think>' is missing");

    [Fact]
    public async Task AMissingFileIsAnErrorThatNamesIt() =>
        (await CliResult.RunAsync("render", "/nowhere/request.json")).MustRefuse(
            1,
            "/nowhere/request.json"
        );

    [Fact]
    public async Task NoRequestIsWrongUsage() =>
        (await CliResult.RunAsync("render")).MustRefuse(2, "<file>");

    [Fact]
    public async Task AnUnknownFormatIsWrongUsage() =>
        (await CliResult.RunAsync("render", _file, "--chat-format", "v4")).MustRefuse(
            2,
            "--chat-format",
            "v3, v31 or v32"
        );
}
