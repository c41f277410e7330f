using System.Text;
using Hadal.Tokenization;

namespace Hadal.Tests.Tokenization;

public sealed class TokenizerFileTests
{
    private const string Tokenizer = """
        {"added_tokens":[{"id":3,"content":"<s>","special":true},{"id":4,"content":"</s>","special":true}],
         "normalizer":null,
         "pre_tokenizer":{"type":"Sequence","pretokenizers":[
           {"type":"Split","pattern":{"Regex":"\\p{N}"},"behavior":"Isolated","invert":false},
           {"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]},
         "post_processor":null,
         "decoder":{"type":"ByteLevel"},
         "model":{"type":"BPE","unk_token":null,"vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}}
        """;
    private const string Config = """{"bos_token":"<s>","eos_token":"</s>","add_bos_token":true}""";

    [Fact]
    public void The_small_file_is_read()
    {
        DeepSeekTokenizer tokenizer = Parse(Tokenizer, Config);
        Assert.Equal([3, 2, 0], tokenizer.Encode("aba"));
        Assert.Equal(
            [3, 2],
            Parse(Tokenizer.Replace("\"a b\"", "[\"a\",\"b\"]", StringComparison.Ordinal), Config)
                .Encode("ab")
        );
    }

    [Theory]
    [InlineData("\"type\":\"BPE\"", "\"type\":\"Unigram\"", "tokenizer.json.model.type: 'Unigram'")]
    [InlineData("\"unk_token\":null", "\"unk_token\":\"a\"", "model.unk_token")]
    [InlineData("\"unk_token\":null", "\"byte_fallback\":true", "model.byte_fallback")]
    [InlineData("\"unk_token\":null", "\"ignore_merges\":true", "model.ignore_merges")]
    [InlineData(
        "\"type\":\"Split\"",
        "\"type\":\"Metaspace\"",
        "pretokenizers[0].type: 'Metaspace'"
    )]
    [InlineData(
        "\"type\":\"Sequence\"",
        "\"type\":\"Whitespace\"",
        "pre_tokenizer.type: 'Whitespace'"
    )]
    [InlineData("\"Isolated\"", "\"Removed\"", "'Removed'")]
    [InlineData("\"invert\":false", "\"invert\":true", "invert")]
    [InlineData("\\\\p{N}", "(", "pattern.Regex")]
    [InlineData("\\\\p{N}", "😀", "beyond U+FFFF")]
    [InlineData("\"add_prefix_space\":false", "\"add_prefix_space\":true", "add_prefix_space")]
    [InlineData("\"use_regex\":false", "\"x\":0", "use_regex")]
    [InlineData("\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}", "normalizer: 'NFC'")]
    [InlineData(
        "\"post_processor\":null",
        "\"post_processor\":{\"type\":\"Bert\"}",
        "post_processor: 'Bert'"
    )]
    [InlineData(
        "\"decoder\":{\"type\":\"ByteLevel\"}",
        "\"decoder\":{\"type\":\"Fuse\"}",
        "decoder: 'Fuse'"
    )]
    [InlineData("\"decoder\"", "\"other\"", "the field 'decoder' is missing")]
    [InlineData("\"vocab\"", "\"other\"", "the field 'vocab' is missing")]
    [InlineData("\"merges\"", "\"other\"", "the field 'merges' is missing")]
    [InlineData("\"added_tokens\"", "\"other\"", "the field 'added_tokens' is missing")]
    [InlineData("\"pre_tokenizer\"", "\"other\"", "the field 'pre_tokenizer' is missing")]
    [InlineData("\"merges\":[\"a b\"]", "\"merges\":{}", "model.merges: is a JSON Object")]
    [InlineData("\"a b\"", "\"a\"", "merges[0]: 'a'")]
    [InlineData("\"a b\"", "\"a c\"", "merges[0]: 'a c'")]
    [InlineData("\"a b\"", "\"b a\"", "merges[0]: 'b a'")]
    [InlineData("\"a b\"", "7", "merges[0]: is a JSON Number")]
    [InlineData("\"b\":1", "\"b\":-1", "vocab['b']")]
    [InlineData("\"b\":1", "\"b\":2000000000", "vocab['b']")]
    [InlineData("\"b\":1", "\"b\":1.5", "vocab['b']")]
    [InlineData("\"b\":1", "\"b\":0", "belongs to two tokens")]
    [InlineData("\"b\":1", "\"a\":1", "'a' occurs twice")]
    [InlineData("\"b\":1", "\"b\":1,\" \":7", "byte-level alphabet")]
    [InlineData("\"b\":1", "\"\\ud800\":1", "not valid Unicode")]
    [InlineData("\"id\":4", "\"id\":3", "occurs twice")]
    [InlineData("\"content\":\"</s>\"", "\"content\":\"\"", "added_tokens[1].content")]
    [InlineData("\"content\":\"</s>\"", "\"content\":\"<e>\"", "eos_token: '</s>'")]
    [InlineData(
        "\"content\":\"</s>\"",
        "\"content\":\"</s>\",\"lstrip\":true",
        "added_tokens[1].lstrip"
    )]
    [InlineData("\"special\":true", "\"special\":3", "special")]
    public void What_is_broken_or_not_supported_is_named(string from, string to, string named)
    {
        string changed = Tokenizer.Replace(from, to, StringComparison.Ordinal);
        Assert.NotEqual(Tokenizer, changed);
        var error = Assert.Throws<TokenizerException>(() => Parse(changed, Config));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "'bos_token' is missing")]
    [InlineData("[]", "tokenizer_config.json: is a JSON Array")]
    [InlineData("""{"bos_token":7,"eos_token":"</s>"}""", "bos_token")]
    [InlineData("""{"bos_token":{},"eos_token":"</s>"}""", "'content' is missing")]
    [InlineData("""{"bos_token":"<s>","eos_token":"</s>","add_bos_token":1}""", "add_bos_token")]
    [InlineData("""{"bos_token":"<s>","eos_token":"</s>","chat_template":[]}""", "chat_template")]
    public void A_broken_config_is_named(string config, string named)
    {
        var error = Assert.Throws<TokenizerException>(() => Parse(Tokenizer, config));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_truncation_is_a_typed_error()
    {
        for (int length = 0; length < Tokenizer.Length; length++)
            Assert.Throws<TokenizerException>(() => Parse(Tokenizer[..length], Config));
    }

    [Fact]
    public void Flipped_bytes_never_give_an_untyped_error()
    {
        var random = new Random(3);
        byte[] config = Encoding.UTF8.GetBytes(Config);
        for (int round = 0; round < 3000; round++)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(Tokenizer);
            for (int i = random.Next(1, 4); i > 0; i--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            Exception? error = Record.Exception(() => DeepSeekTokenizer.Parse(bytes, config));
            Assert.True(error is null or TokenizerException, $"round {round}: {error}");
        }
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var error = Assert.Throws<TokenizerException>(() =>
            DeepSeekTokenizer.Load(Path.Combine(AppContext.BaseDirectory, "no-such-folder"))
        );
        Assert.StartsWith(
            "tokenizer.json: cannot be read",
            error.Message,
            StringComparison.Ordinal
        );
    }

    private static DeepSeekTokenizer Parse(string tokenizer, string config) =>
        DeepSeekTokenizer.Parse(Encoding.UTF8.GetBytes(tokenizer), Encoding.UTF8.GetBytes(config));
}
