using System.Text;
using System.Text.Json;
using Hadal.Chat;
using Hadal.Tokenization;

namespace Hadal.Tests.Tokenization;

/// <summary>Small tokenizers in the form of Moonlight's and Kimi K2's: tiktoken.model beside tokenizer_config.json.</summary>
public sealed class TiktokenFileTests : IDisposable
{
    private const string Config = """
        {"added_tokens_decoder":{
           "300":{"content":"[BOS]","lstrip":false,"normalized":false,"rstrip":false,"single_word":false,"special":true},
           "301":{"content":"[EOS]","special":true},"302":{"content":"<|im_end|>","special":true},
           "305":{"content":"<|tool_calls_section_begin|>","special":false}},
         "additional_special_tokens":["<|im_end|>"],"bos_token":"[BOS]","eos_token":"[EOS]",
         "auto_map":{"AutoTokenizer":["tokenization_kimi.TikTokenTokenizer",null]},
         "chat_template":"<|im_user|>{{ messages }}<|im_assistant|>","clean_up_tokenization_spaces":false,
         "model_max_length":1000000000000000019884624838656,"tokenizer_class":"TikTokenTokenizer"}
        """;

    private static readonly byte[][] s_bytes =
    [
        .. Enumerable.Range(0, 256).Select(b => new[] { (byte)b }),
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("hadal-tiktoken").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Lines(IEnumerable<byte[]> tokens) =>
        string.Concat(tokens.Select((token, rank) => $"{Convert.ToBase64String(token)} {rank}\n"));

    private static byte[][] With(params string[] tokens) =>
        [.. s_bytes, .. tokens.Select(Encoding.UTF8.GetBytes)];

    private DeepSeekTokenizer Load(string lines, string config = Config)
    {
        File.WriteAllText(Path.Combine(_folder, "tiktoken.model"), lines);
        File.WriteAllText(Path.Combine(_folder, "tokenizer_config.json"), config);
        return DeepSeekTokenizer.Load(_folder);
    }

    private static SplitPreTokenizer Splits { get; } =
        new([MoonshotPattern.Pattern], knowsHan: true);

    private static string[] Words(string text) =>
        [
            .. Splits
                .Split(text, new PatternBudget(TimeSpan.MaxValue, default))
                .Select(word => text.Substring(word.Offset, word.Length)),
        ];

    // Hugging Face's tokenizers, given the published pattern, cuts so too.
    [Theory]
    [InlineData("Hello world", "Hello| world")]
    [InlineData("helloWorld XMLFile", "hello|World| XMLFile")]
    [InlineData("It's THEY'RE a'ſ", "It's| THEY'RE| a'ſ")]
    [InlineData("你好world世界", "你好|world|世界")]
    [InlineData("a 漢字!漢", "a| |漢字|!|漢")]
    [InlineData("x々〇y", "x|々〇|y")]
    [InlineData("!⺀漢", "!⺀|漢")]
    [InlineData("カタカナ漢字", "カタカナ|漢字")]
    [InlineData("a\U00020000b", "a|\U00020000|b")]
    [InlineData("漢\U0003134Aא", "漢\U0003134A|א")]
    [InlineData("!\U00016FE2", "!\U00016FE2")]
    [InlineData("𝐀𝐛 12345", "𝐀𝐛| |123|45")]
    [InlineData("e\u0301X\u0301", "e\u0301|X\u0301")]
    [InlineData("a \n\n b  c", "a| \n\n| b| | c")]
    public void Text_is_cut_into_words_as_published(string text, string words) =>
        Assert.Equal(words.Split('|'), Words(text));

    [Fact]
    public void Ids_are_those_of_the_textbook_algorithm_of_ranks()
    {
        var random = new Random(41);
        for (int file = 0; file < 40; file++)
        {
            HashSet<string> made = [];
            while (made.Count < 40)
                made.Add(
                    string.Concat(
                        Enumerable.Range(0, random.Next(2, 7)).Select(_ => "abé"[random.Next(3)])
                    )
                );
            byte[][] tokens = With([.. made]);
            var naive = new NaiveRanks(tokens);
            DeepSeekTokenizer tokenizer = Load(Lines(tokens));
            for (int round = 0; round < 60; round++)
            {
                string text = string.Concat(
                    Enumerable.Range(0, random.Next(1, 40)).Select(_ => "ababé "[random.Next(6)])
                );
                int[] expected =
                [
                    .. Words(text).SelectMany(word => naive.Encode(Encoding.UTF8.GetBytes(word))),
                ];
                Assert.Equal(expected, tokenizer.Encode(text));
                Assert.Equal(text, tokenizer.Decode(expected));
            }
        }
    }

    [Theory]
    [InlineData("tokenization_kimi.TikTokenTokenizer")]
    [InlineData("tokenization_moonshot.TikTokenTokenizer")]
    [InlineData("moonshotai/Kimi-K2-Instruct--tokenization_kimi.TikTokenTokenizer")]
    public void The_folders_of_both_models_are_read(string name)
    {
        DeepSeekTokenizer tokenizer = Load(
            Lines(With("ab")),
            Config.Replace("tokenization_kimi.TikTokenTokenizer", name, StringComparison.Ordinal)
        );
        Assert.Equal(
            (300, 301, 306),
            (tokenizer.BosId!.Value, tokenizer.EosId, tokenizer.VocabularySize)
        );
        // Neither model's code begins a text with BOS.
        Assert.Equal([256], tokenizer.Encode("ab"));
        Assert.Equal([256, 302], tokenizer.Encode("ab<|im_end|>", parseSpecialTokens: true));
        Assert.True(tokenizer.IsSpecial(302) && !tokenizer.IsSpecial(305));
        Assert.True(tokenizer.GetBytes(303).IsEmpty);
        Assert.Equal(
            "ab<|tool_calls_section_begin|>",
            tokenizer.Decode([256, 305, 302], skipSpecialTokens: true)
        );
        Assert.Throws<TokenizerException>(() => ChatTemplate.For(tokenizer));
    }

    [Fact]
    public void A_tokenizer_json_goes_first()
    {
        File.Copy(
            Path.Combine(Paths.EmbeddedModel, "tokenizer.json"),
            Path.Combine(_folder, "tokenizer.json")
        );
        string config = File.ReadAllText(
            Path.Combine(Paths.EmbeddedModel, "tokenizer_config.json")
        );
        Assert.Equal(2048, Load("no such lines", config).VocabularySize);
    }

    [Fact]
    public void A_tokenizer_json_made_of_it_gives_the_same_words()
    {
        string json = $$"""
            {"added_tokens":[{"id":300,"content":"[BOS]"},{"id":301,"content":"[EOS]"}],
             "pre_tokenizer":{"type":"Sequence","pretokenizers":[
               {"type":"Split","pattern":{"Regex":{{JsonSerializer.Serialize(
                MoonshotPattern.Published
            )}} },"behavior":"Isolated"},
               {"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]},
             "decoder":{"type":"ByteLevel"},
             "model":{"type":"BPE","ignore_merges":true,
               "vocab":{ {{TestTokenizers.ByteEntries(0, "")}},"aa":256},"merges":["a a"]} }
            """;
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Parse(
            Encoding.UTF8.GetBytes(json),
            Encoding.UTF8.GetBytes(Config)
        );
        Assert.Equal(
            Load(Lines(With("aa"))).Encode("aaA 漢aa\U00020000aaa"),
            tokenizer.Encode("aaA 漢aa\U00020000aaa")
        );
    }

    [Theory]
    [InlineData("YWI= 256\n", "YWI= 257\n", "line 257: the rank is 257, must be 256")]
    [InlineData("YWI= 256\n", "YWI= -1\n", "line 257: the rank is -1")]
    [InlineData("YWI= 256\n", "YWI= 256x\n", "line 257: must be a token")]
    [InlineData("YWI= 256\n", "YWI=256\n", "line 257: must be a token")]
    [InlineData("YWI= 256\n", "Y*I= 256\n", "line 257: must be a token")]
    [InlineData("YWI= 256\n", " 256\n", "line 257: must be a token")]
    [InlineData("YWI= 256\n", "YQ== 256\n", "line 257: the token occurs twice")]
    [InlineData("YQ== 97\n", "YWE= 97\n", "no token for the byte 0x61")]
    public void Broken_lines_are_named(string from, string to, string named)
    {
        string lines = Lines(With("ab"));
        string changed = lines.Replace(from, to, StringComparison.Ordinal);
        Assert.NotEqual(lines, changed);
        MustRefuse(changed, Config, "tiktoken.model", named);
    }

    [Fact]
    public void A_token_beyond_all_use_is_refused()
    {
        MustRefuse(Lines(With(new string('a', 513))), Config, "1 to 512 bytes");
        string most = new('a', 512);
        Assert.Equal([256], Load(Lines(With(most))).Encode(most));
    }

    [Fact]
    public void More_merges_than_any_use_are_refused()
    {
        // Each cut of these joins two tokens again: 2·165 cuts of the longest.
        string[] sides = [.. Enumerable.Range(0, 165).Select(length => new string('a', length))];
        MustRefuse(
            Lines(
                With([
                    .. sides.Skip(2),
                    .. sides.SelectMany(l => sides.Select(r => l + "b" + r)).Skip(1),
                ])
            ),
            Config.Replace("\"30", "\"3000", StringComparison.Ordinal),
            "more than 4194304 pairs"
        );
    }

    [Fact]
    public void Tokens_that_would_take_minutes_are_refused() =>
        MustRefuse(
            Lines(With([.. Enumerable.Range(0, 5000).Select(i => $"{i:d512}")])),
            Config.Replace("\"30", "\"3000", StringComparison.Ordinal),
            "its tokens are too long"
        );

    [Theory]
    [InlineData(
        "tokenization_kimi.TikTokenTokenizer",
        "tokenization_x.Other",
        "'tokenization_x.Other'"
    )]
    [InlineData("\"auto_map\"", "\"other\"", "auto_map.AutoTokenizer is ''")]
    [InlineData("\"300\":{", "\"256\":{", "['256']: must be an id from 257")]
    [InlineData("\"300\":{", "\"x\":{", "['x']: must be an id from 257")]
    [InlineData("\"300\":{", "\"301\":{", "(id 301) occurs twice")]
    [InlineData("\"content\":\"[EOS]\"", "\"content\":\"[E]\"", "eos_token: '[EOS]'")]
    [InlineData("\"lstrip\":false", "\"lstrip\":true", "['300'].lstrip")]
    [InlineData("\"added_tokens_decoder\"", "\"other\"", "'added_tokens_decoder' is missing")]
    public void A_config_of_another_tokenizer_is_named(string from, string to, string named)
    {
        string changed = Config.Replace(from, to, StringComparison.Ordinal);
        Assert.NotEqual(Config, changed);
        MustRefuse(Lines(With("ab")), changed, named);
    }

    [Fact]
    public void The_pattern_is_linear()
    {
        // Were it not, such texts would exceed the budget, 6 s, by far.
        var random = new Random(42);
        DeepSeekTokenizer tokenizer = Load(Lines(With("ab")));
        foreach (
            string alphabet in (string[])["a", "A", "aA", " ", "\t\n ", "!", "\u0301", "漢", "א"]
        )
        {
            var text = new StringBuilder();
            while (text.Length < 100_000)
                text.Append(alphabet[random.Next(alphabet.Length)]);
            foreach (string end in (string[])["", "x"])
                tokenizer.Encode(text + end);
        }
    }

    private void MustRefuse(string lines, string config, params string[] named)
    {
        var error = Assert.Throws<TokenizerException>(() => Load(lines, config));
        Assert.All(named, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
    }
}
