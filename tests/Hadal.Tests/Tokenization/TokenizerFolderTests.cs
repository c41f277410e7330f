using System.Diagnostics;
using System.Text;
using Hadal.Chat;
using Hadal.Tokenization;

namespace Hadal.Tests.Tokenization;

public sealed class TokenizerFolderTests : IDisposable
{
    private const string Pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 7847652\n";
    private const string Page =
        "\n<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>";

    private readonly string _folder = Directory.CreateTempSubdirectory("hadal-tokenizer").FullName;

    public TokenizerFolderTests()
    {
        foreach (string name in (string[])["tokenizer.json", "tokenizer_config.json"])
            File.Copy(Path.Combine(Paths.EmbeddedModel, name), At(name));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string At(string name) => Path.Combine(_folder, name);

    private void MustRefuse(params string[] named)
    {
        var error = Assert.Throws<TokenizerException>(() => DeepSeekTokenizer.Load(_folder));
        Assert.All(named, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer_config.json")]
    [InlineData("chat_template.jinja")]
    public void What_a_failed_download_leaves_is_told_from_the_file(string name)
    {
        File.WriteAllText(At(name), Pointer);
        MustRefuse(name, "Git LFS pointer", "git lfs pull");
        File.WriteAllText(At(name), Page);
        MustRefuse(name, "web page", "download it again");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("tokenizer.model")]
    [InlineData("tekken.json")]
    public void A_folder_without_a_tokenizer_that_is_read_is_told_what_is_missing(string? held)
    {
        File.Delete(At("tokenizer.json"));
        if (held is not null)
            File.WriteAllText(At(held), "x");
        MustRefuse(
            At("tokenizer.json") + ": is missing, and so is tiktoken.model",
            held is null ? "put the model's tokenizer.json there" : $"{held} is not supported",
            "save_pretrained"
        );
    }

    [Fact]
    public void A_tiktoken_model_that_was_not_downloaded_is_told_from_the_file()
    {
        File.Delete(At("tokenizer.json"));
        File.WriteAllText(At("tiktoken.model"), Pointer);
        MustRefuse("tiktoken.model", "Git LFS pointer");
        using (FileStream file = File.Create(At("tiktoken.model")))
            file.SetLength((1 << 24) + 1);
        MustRefuse("tiktoken.model", "has 16777217 bytes");
    }

    [Theory]
    [InlineData("tokenizer.json", 1 << 26)]
    [InlineData("tokenizer_config.json", 1 << 22)]
    [InlineData("chat_template.jinja", 1 << 22)]
    public void A_file_beyond_all_use_is_refused_by_its_length(string name, long most)
    {
        using (FileStream file = File.Create(At(name)))
            file.SetLength(most + 1);
        MustRefuse(name, $"has {most + 1} bytes");
    }

    [Theory]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer_config.json")]
    [InlineData("chat_template.jinja")]
    public async Task A_pipe_or_device_is_refused_at_once(string name)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such files");
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        File.Delete(At(name));
        using (Process mkfifo = Process.Start("mkfifo", [At(name)]))
            await mkfifo.WaitForExitAsync(cancellation);
        await Task.Run(MustRefuseIt, cancellation)
            .WaitAsync(TimeSpan.FromSeconds(60), cancellation);
        File.Delete(At(name));
        File.CreateSymbolicLink(At(name), "/dev/zero");
        await Task.Run(MustRefuseIt, cancellation)
            .WaitAsync(TimeSpan.FromSeconds(60), cancellation);

        void MustRefuseIt() => MustRefuse(name, "must be a regular file");
    }

    [Fact]
    public void The_template_in_a_file_of_its_own_goes_before_the_configs()
    {
        File.WriteAllText(At("chat_template.jinja"), "{{'<｜User｜>'}}{{'<｜Assistant｜>'}} own");
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(_folder);
        Assert.EndsWith(" own", tokenizer.ChatTemplateText, StringComparison.Ordinal);
        Assert.Equal(ChatFormat.V3, ChatTemplate.For(tokenizer).Format);
    }

    [Fact]
    public void A_template_that_is_not_text_is_refused()
    {
        File.WriteAllBytes(At("chat_template.jinja"), [(byte)'a', 0xFF]);
        MustRefuse("chat_template.jinja", "not UTF-8");
    }

    [Fact]
    public void Of_a_list_of_templates_the_default_one_is_taken()
    {
        File.WriteAllText(
            At("tokenizer_config.json"),
            """
            {"bos_token":"<｜begin▁of▁sentence｜>","eos_token":"<｜end▁of▁sentence｜>","chat_template":
              [{"name":"rag","template":"no"},{"name":"default","template":"yes"}]}
            """
        );
        Assert.Equal("yes", DeepSeekTokenizer.Load(_folder).ChatTemplateText);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("""{"model_type":"deepseek_v3"}""", null)]
    [InlineData("""{"model_type":null}""", null)]
    [InlineData("""{"model_type":"deepseek_v32"}""", ChatFormat.V32)]
    public void Without_a_template_the_folders_model_type_decides(
        string? config,
        ChatFormat? expected
    )
    {
        File.WriteAllText(
            At("tokenizer_config.json"),
            """{"bos_token":"<｜begin▁of▁sentence｜>","eos_token":"<｜end▁of▁sentence｜>"}"""
        );
        if (config is not null)
            File.WriteAllText(At("config.json"), config);
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(_folder);
        if (expected is not null)
            Assert.Equal(expected, ChatTemplate.For(tokenizer).Format);
        else
            Assert.Contains(
                "has no chat template",
                Assert.Throws<TokenizerException>(() => ChatTemplate.For(tokenizer)).Message,
                StringComparison.Ordinal
            );
    }

    [Theory]
    [InlineData("{", "config.json: is not valid JSON")]
    [InlineData("[]", "config.json: is a JSON Array")]
    [InlineData("""{"model_type":7}""", "config.json.model_type: is a JSON Number")]
    public void A_broken_config_is_named_where_it_is_needed(string config, string named)
    {
        File.WriteAllText(
            At("tokenizer_config.json"),
            """{"bos_token":"<｜begin▁of▁sentence｜>","eos_token":"<｜end▁of▁sentence｜>"}"""
        );
        File.WriteAllText(At("config.json"), config);
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(_folder);
        var error = Assert.Throws<TokenizerException>(() => ChatTemplate.For(tokenizer));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_with_fewer_rows_than_ids_is_refused()
    {
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(_folder);
        tokenizer.RequireFits(2048);
        tokenizer.RequireFits(4096); // Padding rows.
        var error = Assert.Throws<TokenizerException>(() => tokenizer.RequireFits(2047));
        Assert.Contains(
            "up to 2047, but the model has only 2047",
            error.Message,
            StringComparison.Ordinal
        );
    }
}
