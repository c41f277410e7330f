using Hadal.Tokenization;

namespace Hadal.Tests.Cli;

public sealed class TokenizeCommandTests
{
    private const string Text = "In the beginning\n  世界 was";

    private static int[] Expected(string text, bool bos = true) =>
        DeepSeekTokenizer.Load(Paths.EmbeddedModel).Encode(text, bos);

    private static int[] Ids(CliResult result) =>
        [.. result.Json.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];

    [Fact]
    public async Task TheArgumentIsTokenized()
    {
        CliResult result = await CliResult.RunAsync("tokenize", Text, "--json");
        Assert.Equal(0, result.Status);
        Assert.Equal(Expected(Text), Ids(result));
        Assert.Equal(Ids(result).Length, result.Json.GetProperty("count").GetInt32());
    }

    [Fact]
    public async Task StandardInputIsTokenized()
    {
        CliResult result = await CliResult.RunWithInputAsync(
            Text,
            "tokenize",
            "--json",
            "--no-bos"
        );
        Assert.Equal(Expected(Text, bos: false), Ids(result));
    }

    [Fact]
    public async Task BosIsAddedOnceOnRequestWhateverTheFilesSay()
    {
        using var folder = new LinkedModel();
        folder.Write(
            "tokenizer_config.json",
            """{"bos_token":"<｜begin▁of▁sentence｜>","eos_token":"<｜end▁of▁sentence｜>","add_bos_token":false}"""
        );
        string[] args = ["tokenize", Text, "--json", "--model", folder.Path];
        Assert.Equal(Expected(Text, bos: false), Ids(await CliResult.RunAsync(args)));
        Assert.Equal(Expected(Text), Ids(await CliResult.RunAsync([.. args, "--bos"])));
        Assert.Equal(
            Expected(Text),
            Ids(await CliResult.RunAsync("tokenize", Text, "--json", "--bos"))
        );
    }

    [Fact]
    public async Task AFileIsTokenized()
    {
        string path = Path.GetTempFileName();
        await File.WriteAllTextAsync(path, Text, TestContext.Current.CancellationToken);
        CliResult result = await CliResult.RunAsync("tokenize", "--file", path, "--json");
        File.Delete(path);
        Assert.Equal(Expected(Text), Ids(result));
    }

    [Fact]
    public async Task IdsBecomeTextAgain()
    {
        string ids = string.Join(", ", Expected(Text, bos: false));
        CliResult result = await CliResult.RunAsync("tokenize", "--decode", ids);
        Assert.Equal(0, result.Status);
        Assert.Equal(Text, result.Output.TrimEnd('\n'));
    }

    [Fact]
    public async Task ThePeopleSTableHasARowForEachToken()
    {
        CliResult result = await CliResult.RunAsync("tokenize", "O\nworld");
        foreach (int id in Expected("O\nworld"))
            Assert.Contains($" {id} ", result.Output, StringComparison.Ordinal);
        Assert.Contains("'\\x0a'", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnIdBeyondTheVocabularyIsRefused() =>
        (await CliResult.RunAsync("tokenize", "--decode", "1 2048")).MustRefuse(
            2,
            "'2048'",
            "0 to 2047"
        );

    [Fact]
    public async Task AWordThatIsNoIdIsRefused() =>
        (await CliResult.RunAsync("tokenize", "--decode", "1 -2")).MustRefuse(2, "'-2'");

    [Fact]
    public async Task AnUnknownOptionIsNotTakenForText() =>
        (await CliResult.RunAsync("tokenize", "--jsn")).MustRefuse(2, "--jsn");

    [Fact]
    public async Task AfterTwoDashesTextMayBeginWithOne()
    {
        CliResult result = await CliResult.RunAsync("tokenize", "--json", "--", "--jsn");
        Assert.Equal(Expected("--jsn"), Ids(result));
    }

    [Fact]
    public async Task NoTextIsRefused() =>
        (await CliResult.RunAsync("tokenize")).MustRefuse(2, "<text>", "--file");

    [Fact]
    public async Task TwoTextsAreRefused() =>
        (await CliResult.RunAsync("tokenize", "x", "--file", "y")).MustRefuse(
            2,
            "<text>",
            "--file"
        );

    [Fact]
    public async Task AMissingFileIsAnErrorThatNamesIt() =>
        (await CliResult.RunAsync("tokenize", "--file", "/nowhere/text")).MustRefuse(
            1,
            "/nowhere/text"
        );
}
