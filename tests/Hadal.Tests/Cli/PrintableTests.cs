using Hadal.Cli;
using Hadal.Tests.Checkpoints;

namespace Hadal.Tests.Cli;

public sealed class PrintableTests
{
    // CSI as one character, the same as two, a line's end, an override of direction.
    private const string Hostile = "a\e[2J\u009b1m\r\u007f\u202eb";
    private const string Spelt = @"a\u001b[2J\u009b1m\u000d\u007f\u202eb";

    [Theory]
    [InlineData(Hostile, Spelt)]
    [InlineData("two\nlines\t", @"two\u000alines\u0009")]
    [InlineData("Ünïcode 世界 😀 العربية", "Ünïcode 世界 😀 العربية")]
    public void ALineHasNothingThatSteersATerminal(string text, string line) =>
        Assert.Equal(line, Printable.Line(text));

    [Fact]
    public void ALongLineIsCut() =>
        Assert.Equal(new string('x', 1000) + "…", Printable.Line(new string('x', 5000)));

    [Fact]
    public void ATextKeepsItsLines() =>
        Assert.Equal("one\n\ttwo" + Spelt, Printable.Text("one\n\ttwo" + Hostile));

    [Fact]
    public async Task DecodedTextIsSpeltOutForATerminalAlone()
    {
        CliResult tokens = await CliResult.RunAsync("tokenize", Hostile, "--no-bos", "--json");
        Assert.Equal(Hostile, tokens.Json.GetProperty("text").GetString());
        string[] decode = ["tokenize", "--decode", tokens.Json.GetProperty("ids").GetRawText()];
        Assert.Equal(Hostile + "\n", (await CliResult.RunAsync(decode)).Output);
        Assert.Equal(
            Spelt + "\n",
            (await CliResult.RunOnTerminalAsync(takesEscapes: true, decode)).Output
        );
        Assert.DoesNotContain(
            (await CliResult.RunAsync("tokenize", Hostile)).Output,
            c => c != '\n' && Printable.IsHidden(c)
        );
    }

    [Fact]
    public async Task GeneratedTextIsSpeltOutForATerminalAlone()
    {
        // Logits that are all 0: each token is as probable as another, those of control characters too.
        using TemporaryFolder model = NormedModel.Write(0);
        string[] args = ["generate", Hostile, "-m", model.Path, "--temperature", "1"];
        args = [.. args, "--seed", "3", "-n", "100", "--ignore-eos"];
        CliResult plain = await CliResult.RunAsync(args);
        Assert.Contains(plain.Output, c => c != '\n' && Printable.IsHidden(c));
        CliResult shown = await CliResult.RunOnTerminalAsync(takesEscapes: false, args);
        Assert.Equal(Spelt + Printable.Text(plain.Output), shown.Output);
    }

    [Fact]
    public async Task NamesAreSpeltOutInTablesAndMessages()
    {
        using var parent = new TemporaryFolder();
        string name = parent.File("m\e[2J[red]\n");
        Directory.CreateDirectory(name);
        foreach (string file in Directory.GetFiles(Paths.EmbeddedModel))
            File.CreateSymbolicLink(Path.Combine(name, Path.GetFileName(file)), file);
        CliResult table = await CliResult.RunAsync("inspect", "-m", name);
        Assert.Equal(0, table.Status);
        Assert.Contains(@"m\u001b[2J[red]\u000a", table.Output, StringComparison.Ordinal);

        string output = Path.Combine(name, "t\e");
        CliResult trace = await CliResult.RunAsync(
            "trace",
            "--ids",
            "0",
            "--steps",
            "1",
            "-o",
            output
        );
        Assert.Contains(@"\u000a/t\u001b: a prompt", trace.Error, StringComparison.Ordinal);
        (await CliResult.RunAsync("inspect", "-m", name + "x")).MustRefuse(2, @"\u001b[2J");
        (await CliResult.RunAsync("tokenize", "-f", name + "x")).MustRefuse(1, @"\u001b[2J");
    }

    [Fact]
    public async Task ProgressIsShownWhereEscapeSequencesMayBe()
    {
        string[] args = ["generate", "Hello", "-n", "1"];
        CliResult with = await CliResult.RunOnTerminalAsync(takesEscapes: true, args);
        Assert.Contains("\rloading", with.Error, StringComparison.Ordinal);
        Assert.Contains("\e[2mHello\e[0m", with.Output, StringComparison.Ordinal);
        CliResult without = await CliResult.RunOnTerminalAsync(takesEscapes: false, args);
        Assert.StartsWith("prefill", without.Error, StringComparison.Ordinal);
        Assert.StartsWith("Hello", without.Output, StringComparison.Ordinal);
    }
}
