using System.Text;
using Hadal.Tokenization;

namespace Hadal.Tests.Tokenization;

public sealed class TokenizerFileTests
{
    private static readonly string s_tokenizer = $$"""
        {"added_tokens":[{"id":3,"content":"<s>","special":true},{"id":4,"content":"</s>","special":true}],
         "normalizer":null,
         "pre_tokenizer":{"type":"Sequence","pretokenizers":[
           {"type":"Split","pattern":{"Regex":"\\p{N}"},"behavior":"Isolated","invert":false},
           {"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]},
         "post_processor":null,
         "decoder":{"type":"ByteLevel"},
         "model":{"type":"BPE","unk_token":null,"vocab":{"a":0,"b":1,"ab":2,{{TestTokenizers.ByteEntries(
            5,
            "ab"
        )}} },"merges":["a b"] } }
        """;
    private const string Config = """{"bos_token":"<s>","eos_token":"</s>","add_bos_token":true}""";

    [Fact]
    public void The_small_file_is_read()
    {
        DeepSeekTokenizer tokenizer = Parse(s_tokenizer, Config);
        Assert.Equal([3, 2, 0], tokenizer.Encode("aba"));
        Assert.Equal(
            [3, 2],
            Parse(s_tokenizer.Replace("\"a b\"", "[\"a\",\"b\"]", StringComparison.Ordinal), Config)
                .Encode("ab")
        );
    }

    [Theory]
    [InlineData("\"type\":\"BPE\"", "\"type\":\"Unigram\"", "tokenizer.json.model.type: 'Unigram'")]
    [InlineData("\"unk_token\":null", "\"unk_token\":\"a\"", "model.unk_token")]
    [InlineData("\"unk_token\":null", "\"byte_fallback\":true", "model.byte_fallback")]
    [InlineData("\"unk_token\":null", "\"ignore_merges\":1", "model.ignore_merges")]
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
    [InlineData("\"b\":1,", "", "merges[0]: 'a b'")]
    [InlineData("\"c\":102,", "", "no token for the byte 0x63 ('c')")]
    [InlineData("\"id\":4", "\"id\":1", "'</s>' (id 1) has the id that model.vocab gives to 'b'")]
    [InlineData("\"b\":1", "\"b\":1,\"<s>\":300", "'<s>' (id 3) has the id 300 in model.vocab")]
    [InlineData("\"b\":1", "\"b\":1,\" \":700", "byte-level alphabet")]
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
        string changed = s_tokenizer.Replace(from, to, StringComparison.Ordinal);
        Assert.NotEqual(s_tokenizer, changed);
        var error = Assert.Throws<TokenizerException>(() => Parse(changed, Config));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "'eos_token' is missing")]
    [InlineData("[]", "tokenizer_config.json: is a JSON Array")]
    [InlineData("""{"bos_token":7,"eos_token":"</s>"}""", "bos_token")]
    [InlineData("""{"bos_token":{},"eos_token":"</s>"}""", "'content' is missing")]
    [InlineData("""{"bos_token":"<s>","eos_token":"</s>","add_bos_token":1}""", "add_bos_token")]
    [InlineData("""{"bos_token":"<s>","eos_token":"</s>","chat_template":[]}""", "chat_template")]
    [InlineData(
        """{"bos_token":"<s>","eos_token":"</s>","chat_template":[{"name":"rag","template":"t"}]}""",
        "none of the 1 templates is named 'default'"
    )]
    [InlineData(
        """{"bos_token":"<s>","eos_token":"</s>","chat_template":[{"name":"default"}]}""",
        "'template' is missing"
    )]
    public void A_broken_config_is_named(string config, string named)
    {
        var error = Assert.Throws<TokenizerException>(() => Parse(s_tokenizer, config));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_truncation_is_a_typed_error()
    {
        for (int length = 0; length < s_tokenizer.Length; length++)
            Assert.Throws<TokenizerException>(() => Parse(s_tokenizer[..length], Config));
    }

    [Fact]
    public void Text_from_the_file_is_escaped_and_cut_in_messages()
    {
        string hostile = s_tokenizer.Replace(
            "\"type\":\"BPE\"",
            $"\"type\":\"\\u001b[2J{new string('x', 5000)}\"",
            StringComparison.Ordinal
        );
        string message = Assert.Throws<TokenizerException>(() => Parse(hostile, Config)).Message;
        Assert.InRange(message.Length, 100, 400);
        Assert.DoesNotContain(message, char.IsControl);
        Assert.EndsWith("it must be BPE", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pattern_or_a_list_beyond_all_use_is_refused()
    {
        (string From, string To, string Named)[] cases =
        [
            ("\\\\p{N}", new string('x', 10_001), "10001 characters"),
            (
                "{\"type\":\"Split\"",
                string.Concat(Enumerable.Repeat("{},", 32)) + "{\"type\":\"Split\"",
                "34 stages"
            ),
            ("\"</s>\"", $"\"{new string('x', 129)}\"", "added_tokens[1].content: has 129"),
            (
                "\"added_tokens\":[",
                "\"added_tokens\":[" + string.Concat(Enumerable.Repeat("0,", 1 << 16)),
                "added_tokens: has 65538"
            ),
        ];
        foreach ((string from, string to, string named) in cases)
        {
            var error = Assert.Throws<TokenizerException>(() =>
                Parse(s_tokenizer.Replace(from, to, StringComparison.Ordinal), Config)
            );
            Assert.Contains(named, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Where_the_file_says_ignore_merges_a_whole_word_goes_before_merges()
    {
        // No merge makes "aab", so only the vocabulary knows it; in a longer word it does not occur.
        string with = s_tokenizer.Replace(
            "\"b\":1",
            "\"b\":1,\"aab\":700",
            StringComparison.Ordinal
        );
        Assert.Equal([0, 2], Parse(with, Config).Encode("aab", false));
        with = with.Replace(
            "\"unk_token\":null",
            "\"ignore_merges\":true",
            StringComparison.Ordinal
        );
        Assert.Equal([700], Parse(with, Config).Encode("aab", false));
        Assert.Equal([0, 0, 2], Parse(with, Config).Encode("aaab", false));
    }

    [Fact]
    public void Of_two_merges_of_a_pair_the_last_holds()
    {
        // Hugging Face's tokenizers gathers merges into a map by pair.
        string with = s_tokenizer
            .Replace("\"b\":1", "\"b\":1,\"aa\":700", StringComparison.Ordinal)
            .Replace("[\"a b\"]", "[\"a b\",\"a a\",\"a b\"]", StringComparison.Ordinal);
        Assert.Equal([700, 1], Parse(with, Config).Encode("aab", false));
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var error = Assert.Throws<TokenizerException>(() =>
            DeepSeekTokenizer.Load(Path.Combine(AppContext.BaseDirectory, "no-such-folder"))
        );
        Assert.Contains("tokenizer.json: is missing", error.Message, StringComparison.Ordinal);
    }

    private static DeepSeekTokenizer Parse(string tokenizer, string config) =>
        DeepSeekTokenizer.Parse(Encoding.UTF8.GetBytes(tokenizer), Encoding.UTF8.GetBytes(config));
}
