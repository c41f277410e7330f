using System.Text.Json;
using System.Text.RegularExpressions;
using Hadal.Tests.Checkpoints;
using Hadal.Tokenization;

namespace Hadal.Tests.Cli;

public sealed class GenerateCommandTests
{
    private const string Prompt = "And it came to pass";

    private static async Task<JsonElement> GenerateAsync(params string[] args)
    {
        CliResult result = await CliResult.RunAsync(["generate", Prompt, "--json", .. args]);
        Assert.Equal("", result.Error);
        Assert.Equal(0, result.Status);
        return result.Json;
    }

    [Fact]
    public async Task TheSameSeedWritesTheSameTextOnAnyNumberOfThreads()
    {
        JsonElement first = await GenerateAsync("--seed", "7", "-n", "12", "--temperature", "1");
        JsonElement second = await GenerateAsync([
            "--seed",
            "7",
            "-n",
            "12",
            "--temperature",
            "1",
            "--threads",
            "1",
            "--chunk",
            "2",
        ]);
        Assert.Equal(first.GetProperty("text").GetString(), second.GetProperty("text").GetString());
        Assert.Equal(1, second.GetProperty("threads").GetInt32());
        Assert.Equal("7", first.GetProperty("seed").GetString());
        JsonElement other = await GenerateAsync("--seed", "8", "-n", "12", "--temperature", "1");
        Assert.NotEqual(
            first.GetProperty("text").GetString(),
            other.GetProperty("text").GetString()
        );
    }

    [Fact]
    public async Task DraftsWriteTheSameTextInFewerSteps()
    {
        string[] sampling = ["-n", "40", "--temperature", "0"];
        JsonElement without = await GenerateAsync(sampling);
        JsonElement with = await GenerateAsync([.. sampling, "--drafts", "2"]);
        Assert.Equal(without.GetProperty("text").GetString(), with.GetProperty("text").GetString());
        Assert.Equal(0, without.GetProperty("drafted_tokens").GetInt32());
        Assert.InRange(
            with.GetProperty("accepted_tokens").GetInt32(),
            1,
            with.GetProperty("drafted_tokens").GetInt32()
        );
        (await CliResult.RunAsync("generate", Prompt, "--drafts", "4")).MustRefuse(
            2,
            "--drafts",
            "auto"
        );
        using var folder = new LinkedModel();
        string config = await File.ReadAllTextAsync(
            Path.Combine(Paths.EmbeddedModel, "config.json")
        );
        folder.Write(
            "config.json",
            Regex.Replace(
                config,
                "\"num_nextn_predict_layers\": *1",
                "\"num_nextn_predict_layers\": 0"
            )
        );
        (
            await CliResult.RunAsync("generate", Prompt, "--model", folder.Path, "--drafts", "1")
        ).MustRefuse(2, "--drafts is 1", "no multi-token predictor");
    }

    [Fact]
    public async Task WeightsReadIntoMemoryWriteTheSameText()
    {
        string[] sampling = ["-n", "6", "--temperature", "0"];
        JsonElement mapped = await GenerateAsync([.. sampling, "--mapping", "mapped"]);
        JsonElement inMemory = await GenerateAsync([.. sampling, "--mapping", "memory"]);
        Assert.Equal(
            mapped.GetProperty("text").GetString(),
            inMemory.GetProperty("text").GetString()
        );
        (await CliResult.RunAsync("generate", Prompt, "--mapping", "disk")).MustRefuse(
            2,
            "--mapping is 'disk'",
            "mapped or memory"
        );
    }

    [Fact]
    public async Task ACacheFileKeepsWhatWasComputedOfAPrompt()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("document.cache");
        string document = string.Concat(Enumerable.Repeat("And the king said unto them, ", 24));
        JsonElement alone = await Generate(document);
        JsonElement first = await Generate(document, "--cache-file", file);
        int whole = first.GetProperty("prompt_tokens").GetInt32() / 64 * 64;
        Assert.True(whole >= 128);
        Assert.Equal((0, whole), Cached(first));
        JsonElement second = await Generate(document, "--cache-file", file);
        Assert.Equal((whole, 0), Cached(second));
        JsonElement longer = await Generate($"{document}{document}", "--cache-file", file);
        Assert.Equal(whole, Cached(longer).Cached);
        Assert.True(Cached(longer).Saved > whole);
        // Another document is not written over this one.
        byte[] bytes = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        JsonElement other = await Generate(
            $"O {document}{document}{document}",
            "--cache-file",
            file
        );
        Assert.Equal((0, 0), Cached(other));
        Assert.Equal(
            bytes,
            await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken)
        );
        string[] texts =
        [
            .. new[] { first, second }.Select(made => made.GetProperty("text").GetString()!),
        ];
        Assert.All(texts, text => Assert.Equal(alone.GetProperty("text").GetString(), text));

        (
            await CliResult.RunAsync(
                "generate",
                document,
                "--cache-file",
                file,
                "--activations",
                "float32"
            )
        ).MustRefuse(1, "activations is BFloat16, must be Float32");

        static async Task<JsonElement> Generate(string prompt, params string[] args)
        {
            CliResult result = await CliResult.RunAsync([
                "generate",
                prompt,
                "--json",
                "--temperature",
                "0",
                "-n",
                "6",
                .. args,
            ]);
            Assert.Equal(0, result.Status);
            return result.Json;
        }

        static (int Cached, int Saved) Cached(JsonElement made) =>
            (
                made.GetProperty("cached_tokens").GetInt32(),
                made.GetProperty("saved_tokens").GetInt32()
            );
    }

    [Fact]
    public async Task JsonTellsTokensSpeedsAndDevice()
    {
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(Paths.EmbeddedModel);
        JsonElement made = await GenerateAsync("-n", "5", "--temperature", "0");
        int[] ids = [.. made.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
        Assert.Equal(5, ids.Length);
        Assert.Equal(tokenizer.Decode(ids), made.GetProperty("text").GetString());
        Assert.Equal("length", made.GetProperty("finish_reason").GetString());
        Assert.Equal(tokenizer.Encode(Prompt).Length, made.GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(5, made.GetProperty("generated_tokens").GetInt32());
        Assert.True(made.GetProperty("prefill_tokens_per_second").GetDouble() > 0);
        Assert.True(made.GetProperty("decode_tokens_per_second").GetDouble() > 0);
        Assert.NotEqual("", made.GetProperty("isa").GetString());
    }

    [Fact]
    public async Task TextGoesToTheOutputAndFiguresToTheErrorStream()
    {
        string[] sampling = ["-n", "6", "--temperature", "0"];
        JsonElement json = await GenerateAsync(sampling);
        CliResult result = await CliResult.RunWithInputAsync(Prompt, ["generate", .. sampling]);
        Assert.Equal(json.GetProperty("text").GetString() + "\n", result.Output);
        Assert.Matches(
            new Regex(
                @"^prefill 6 tokens, \d+\.\d tokens/s; decode 6 tokens, \d+\.\d tokens/s; .+\(.+ threads\), BFloat16; seed \d+\n$"
            ),
            result.Error
        );
    }

    [Fact]
    public async Task AStopTextEndsTheOutputBeforeIt()
    {
        string whole = (await GenerateAsync("-n", "8", "--temperature", "0"))
            .GetProperty("text")
            .GetString()!;
        string stop = whole.Substring(whole.Length / 2, 3);
        JsonElement made = await GenerateAsync("-n", "8", "--temperature", "0", "--stop", stop);
        Assert.Equal(
            whole[..whole.IndexOf(stop, StringComparison.Ordinal)],
            made.GetProperty("text").GetString()
        );
        Assert.Equal("stop", made.GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task CancellationEndsWithTheStatusOfCtrlC()
    {
        using var cancellation = new CancellationTokenSource();
        var output = new CancellingWriter(cancellation);
        var terminal = new Hadal.Cli.Terminal
        {
            Piped = null,
            Keyboard = TextReader.Null,
            Output = output,
            Error = TextWriter.Null,
        };
        int status = await Hadal.Cli.Tool.RunAsync(
            ["generate", Prompt, "-n", "1000"],
            terminal,
            cancellation.Token
        );
        Assert.Equal(130, status);
        Assert.EndsWith("\n", output.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ThePromptBeginsWithBosAsAsked()
    {
        int plain = DeepSeekTokenizer.Load(Paths.EmbeddedModel).Encode(Prompt, false).Length;
        foreach (
            (string[] args, int added) in ((string[], int)[])
                [([], 1), (["--bos"], 1), (["--no-bos"], 0)]
        )
        {
            JsonElement made = await GenerateAsync([.. args, "-n", "1"]);
            Assert.Equal(plain + added, made.GetProperty("prompt_tokens").GetInt32());
        }
        (await CliResult.RunAsync("generate", Prompt, "--bos", "--no-bos")).MustRefuse(
            2,
            "give one"
        );
        (await CliResult.RunAsync("generate", "", "--no-bos")).MustRefuse(2, "<prompt> is empty");
    }

    [Fact]
    public async Task AModelWithoutBosAndWithAnothersTemplateGoesOnWithAText()
    {
        using var folder = new LinkedModel();
        folder.Write("tokenizer_config.json", """{"eos_token":"<｜end▁of▁sentence｜>"}""");
        folder.Write("chat_template.jinja", "[gMASK]<sop>{{ messages }}<|assistant|>");
        string[] args = ["--model", folder.Path, "-n", "1"];
        await GenerateAsync(args);
        (await CliResult.RunAsync(["generate", Prompt, "--bos", .. args])).MustRefuse(
            2,
            "--bos: tokenizer_config.json names no bos_token"
        );
        (await CliResult.RunWithInputAsync("hi\n", ["chat", .. args])).MustRefuse(
            1,
            "chat_template: it lacks DeepSeek's turns",
            "go on with a text"
        );
    }

    [Fact]
    public async Task ABrokenRecommendationStopsOnlyWhoNeedsIt()
    {
        using var folder = new LinkedModel();
        folder.Write("generation_config.json", """{"do_sample":true,"temperature":"hot"}""");
        string[] args = ["--model", folder.Path, "-n", "1"];
        (await CliResult.RunAsync(["generate", Prompt, .. args])).MustRefuse(
            1,
            "generation_config.json.temperature",
            "hot"
        );
        await GenerateAsync([.. args, "--temperature", "0.5"]);
    }

    [Theory]
    [InlineData("--temperature", "-1", "at least 0")]
    [InlineData("--top-k", "-1", "from 0 to")]
    [InlineData("--top-p", "0", "above 0")]
    [InlineData("--top-p", "1.5", "at most 1")]
    [InlineData("--min-p", "2", "from 0 to 1")]
    [InlineData("--repetition-penalty", "0", "above 0")]
    [InlineData("--max-tokens", "0", "from 1 to")]
    [InlineData("--chunk", "0", "from 1 to")]
    [InlineData("--threads", "-1", "from 0 to 1024")]
    [InlineData("--activations", "int8", "bfloat16")]
    [InlineData("--prefill", "dense", "expanded")]
    [InlineData("--seed", "x", "x")]
    [InlineData("--device", "tpu", "cuda:N")]
    [InlineData("--device", "cuda:x", "cuda:N")]
    [InlineData("--stop", "", "character")]
    public async Task ValuesThatCanNotBeAreRefused(string option, string value, string rule) =>
        (await CliResult.RunAsync("generate", Prompt, option, value)).MustRefuse(2, option, rule);

    [Fact]
    public async Task APromptLongerThanTheContextIsAnError()
    {
        string text = string.Concat(Enumerable.Repeat("And it came to pass. ", 200));
        (await CliResult.RunAsync("generate", text)).MustRefuse(1, "1202", "1024");
    }

    [Fact]
    public async Task AMissingDeviceIsAnErrorNotAnotherDevice()
    {
        CliResult result = await CliResult.RunAsync("generate", Prompt, "--device", "cuda:63");
        Assert.Equal(1, result.Status);
        Assert.Equal("", result.Output);
        Assert.StartsWith("hadal: ", result.Error, StringComparison.Ordinal);
    }
}
