using System.Text;
using System.Text.Json;
using Hadal.Chat;
using Hadal.Tokenization;

namespace Hadal.Tests.Tokenization;

/// <summary>
/// A small tokenizer in the form of zai-org's GLM-4.7-Flash and GLM-5: one Split with the pattern of their
/// tokenizer.json, then ByteLevel; a tokenizer_config.json of transformers 5 that names no bos_token.
/// </summary>
public sealed class GlmTokenizerTests
{
    private const string Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string ByteLevel =
        """{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true}""";
    private const string Config = """
        {"backend":"tokenizers","clean_up_tokenization_spaces":false,"do_lower_case":false,
         "eos_token":"<|endoftext|>","extra_special_tokens":["<|endoftext|>","[gMASK]","<sop>","<|user|>"],
         "is_local":true,"model_max_length":202752,"pad_token":"<|endoftext|>","padding_side":"left",
         "remove_space":false,"tokenizer_class":"TokenizersBackend"}
        """;

    private static string Json(IEnumerable<string> merges, string postProcessor = ByteLevel)
    {
        string[] pairs = [.. merges];
        string[] made =
        [
            .. pairs.Select(p => p.Replace(" ", "", StringComparison.Ordinal)).Distinct(),
        ];
        string vocabulary = string.Join(
            ',',
            made.Select((token, i) => $"{JsonSerializer.Serialize(token)}:{256 + i}")
        );
        return $$"""
            {"version":"1.0","truncation":null,"padding":null,"added_tokens":[
              {{Added(1000, "<|endoftext|>", true)}},{{Added(1001, "[gMASK]", true)}},
              {{Added(1002, "<sop>", true)}},{{Added(1003, "<|user|>", true)}},
              {{Added(1004, "<think>", false)}}],
             "normalizer":null,
             "pre_tokenizer":{"type":"Sequence","pretokenizers":[
               {"type":"Split","pattern":{"Regex":{{JsonSerializer.Serialize(Pattern)}} },
                "behavior":"Isolated","invert":false},
               {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]},
             "post_processor":{{postProcessor}},
             "decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},
             "model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,
               "end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":false,
               "vocab":{ {{TestTokenizers.ByteEntries(0, "")}},{{vocabulary}} },
               "merges":{{JsonSerializer.Serialize(pairs)}} } }
            """;

        static string Added(int id, string content, bool special) =>
            $$"""
                {"id":{{id}},"content":"{{content}}","single_word":false,"lstrip":false,"rstrip":false,
                 "normalized":false,"special":{{(special ? "true" : "false")}}}
                """;
    }

    private static DeepSeekTokenizer Parse(string json, string config = Config) =>
        DeepSeekTokenizer.Parse(Encoding.UTF8.GetBytes(json), Encoding.UTF8.GetBytes(config));

    private static string[] Words(string text)
    {
        SplitPreTokenizer splits = TokenizerFile
            .Parse(Encoding.UTF8.GetBytes(Json(["a b"])))
            .PreTokenizer;
        return
        [
            .. splits
                .Split(text, new PatternBudget(TimeSpan.MaxValue, default))
                .Select(word => text.Substring(word.Offset, word.Length)),
        ];
    }

    // Hugging Face's tokenizers cuts so too.
    [Theory]
    [InlineData("Hello, world!", "Hello|,| world|!")]
    [InlineData("it's THEY'RE I'M", "it|'s| THEY|'RE| I|'M")]
    [InlineData("a'ſx", "a|'ſ|x")]
    [InlineData("1234567 89", "123|456|7| |89")]
    [InlineData("x=1;\n\n  y", "x|=|1|;\n\n| | y")]
    [InlineData("a \n b  ", "a| \n| b|  ")]
    [InlineData("中文abc，好", "中文abc|，好")]
    [InlineData("e\u0301x", "e|\u0301x")]
    [InlineData("x 😀😀abc", "x| 😀😀|abc")]
    [InlineData("𝐀𝐁 c", "𝐀𝐁| c")]
    public void Text_is_cut_into_words_as_published(string text, string words) =>
        Assert.Equal(words.Split('|'), Words(text));

    [Fact]
    public void Ids_are_those_of_the_textbook_algorithm_of_each_word()
    {
        var random = new Random(31);
        for (int file = 0; file < 20; file++)
        {
            List<string> tokens = ["a", "b", "Ġ", "1", "'", "s"];
            HashSet<string> merges = [];
            while (merges.Count < 40)
            {
                string left = tokens[random.Next(tokens.Count)];
                string right = tokens[random.Next(tokens.Count)];
                if (left.Length + right.Length > 6 || !merges.Add($"{left} {right}"))
                    continue;
                if (!tokens.Contains(left + right))
                    tokens.Add(left + right);
            }
            string json = Json(merges);
            var naive = new NaiveBytePairs(json);
            DeepSeekTokenizer tokenizer = Parse(json);
            for (int round = 0; round < 60; round++)
            {
                string text = string.Concat(
                    Enumerable.Range(0, random.Next(1, 40)).Select(_ => "ab 1's"[random.Next(6)])
                );
                int[] ids = tokenizer.Encode(text);
                Assert.Equal(Words(text).SelectMany(naive.Encode), ids);
                Assert.Equal(text, tokenizer.Decode(ids));
            }
        }
    }

    [Fact]
    public void A_prompt_that_a_template_wrote_has_the_ids_of_its_special_tokens()
    {
        DeepSeekTokenizer tokenizer = Parse(Json(["a b"]));
        Assert.Equal(
            [1001, 1002, 1003, 256, 1004],
            tokenizer.Encode("[gMASK]<sop><|user|>ab<think>", parseSpecialTokens: true)
        );
        Assert.True(tokenizer.IsSpecial(1001) && !tokenizer.IsSpecial(1004));
        Assert.Equal(1000, tokenizer.EosId);
    }

    [Fact]
    public void There_is_no_bos_and_only_the_post_processor_begins_a_text()
    {
        DeepSeekTokenizer tokenizer = Parse(Json(["a b"]));
        Assert.Null(tokenizer.BosId);
        Assert.Equal([256], tokenizer.Encode("ab"));
        const string template = """
            {"type":"Sequence","processors":[
              {"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true},
              {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[gMASK]","type_id":0} },
                {"SpecialToken":{"id":"<sop>","type_id":0} },{"Sequence":{"id":"A","type_id":0} }],
               "pair":[],"special_tokens":{"[gMASK]":{"id":"[gMASK]","ids":[1001],"tokens":["[gMASK]"]},
                "<sop>":{"id":"<sop>","ids":[1002],"tokens":["<sop>"]} } }]}
            """;
        Assert.Equal([1001, 1002, 256], Parse(Json(["a b"], template)).Encode("ab"));
    }

    [Fact]
    public void A_bos_asked_for_but_not_named_is_refused()
    {
        string config = Config.Replace(
            "\"eos_token\"",
            "\"add_bos_token\":true,\"eos_token\"",
            StringComparison.Ordinal
        );
        var error = Assert.Throws<TokenizerException>(() => Parse(Json(["a b"]), config));
        Assert.Contains(
            "tokenizer_config.json.add_bos_token: is true, but there is no bos_token",
            error.Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Its_chat_template_is_refused_where_chat_is_asked_for()
    {
        string config = Config.Replace(
            "\"eos_token\"",
            "\"chat_template\":\"[gMASK]<sop>{% for m in messages %}<|user|>{{ m }}{% endfor %}<|assistant|><think>\",\"eos_token\"",
            StringComparison.Ordinal
        );
        DeepSeekTokenizer tokenizer = Parse(Json(["a b"]), config);
        var error = Assert.Throws<TokenizerException>(() => ChatTemplate.For(tokenizer));
        Assert.Contains(
            "chat_template: it lacks DeepSeek's turns",
            error.Message,
            StringComparison.Ordinal
        );
        Assert.Contains("go on with a text", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[a[bc]]")]
    [InlineData(@"[\p{L}&&[^x]]+")]
    [InlineData("[a-z-[aeiou]]")]
    [InlineData("[a&&b]")]
    public void A_class_within_a_class_which_dialects_read_otherwise_is_refused(string pattern)
    {
        string json = Json(["a b"])
            .Replace(
                JsonSerializer.Serialize(Pattern),
                JsonSerializer.Serialize(pattern),
                StringComparison.Ordinal
            );
        var error = Assert.Throws<TokenizerException>(() => Parse(json));
        Assert.Contains("a class within a class", error.Message, StringComparison.Ordinal);
        Assert.Contains("pretokenizers[0].pattern.Regex", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Escaped_brackets_and_ampersands_are_characters()
    {
        string json = Json(["a b"])
            .Replace(
                JsonSerializer.Serialize(Pattern),
                JsonSerializer.Serialize(@"[\[\]&]|&&|[ab]+"),
                StringComparison.Ordinal
            );
        Assert.Equal([256, 256], Parse(json).Encode("abab"));
    }
}
