using System.Text;
using Hadal.Chat;
using Hadal.Checkpoints;
using Hadal.Generation;
using Hadal.Tokenization;

namespace Hadal.Tests.Tokenization;

public sealed class TokenizerFuzzTests
{
    // The tokens of single bytes, at the end of a tokenizer, are left alone: without one it is refused at once.
    private const int Reach = 950;

    private static readonly string[] s_fragments =
    [
        "null",
        "-1",
        "1e999",
        "99999999999999999999",
        "\"\\ud800\"",
        "\"\"",
        "[]",
        "{}",
        "true",
        "\"<s>\"",
        "\"\\ud800\":1,",
        "[[[[[[[[[[[[[[[[[[",
        "\u0000",
        "😀",
        "(((a*)*)*)*",
        "SpecialToken",
        "default",
    ];

    private static readonly string s_tokenizer = $$"""
        {"added_tokens":[{"id":3,"content":"<s>","special":true},{"id":4,"content":"</s>"}],
         "normalizer":null,
         "pre_tokenizer":{"type":"Sequence","pretokenizers":[
           {"type":"Split","pattern":{"Regex":"\\p{N}{1,3}|\\s+(?!\\S)"},"behavior":"Isolated"},
           {"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]},
         "post_processor":{"type":"Sequence","processors":[{"type":"ByteLevel"},
           {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"} },{"Sequence":{"id":"A"} }],
            "special_tokens":{"<s>":{"id":"<s>","ids":[3],"tokens":["<s>"] } } } ] },
         "decoder":{"type":"ByteLevel"},
         "model":{"type":"BPE","ignore_merges":false,
           "merges":["a b",["ab","a"]],
           "vocab":{"a":0,"b":1,"ab":2,"aba":5,{{TestTokenizers.ByteEntries(6, "ab")}} } } }
        """;
    private const string Config = """
        {"bos_token":{"content":"<s>"},"eos_token":"</s>","add_bos_token":null,"add_eos_token":true,
         "chat_template":[{"name":"default","template":"<｜User｜><｜Assistant｜>"}]}
        """;
    private const string Generation = """
        {"bos_token_id":0,"eos_token_id":[1,2],"do_sample":true,"temperature":0.6,"top_k":-1,
         "top_p":0.95,"min_p":null,"repetition_penalty":1.0}
        """;

    [Fact]
    public void A_mutated_tokenizer_is_read_or_refused()
    {
        byte[] config = Encoding.UTF8.GetBytes(Config);
        Fuzz(
            s_tokenizer,
            2000,
            json => DeepSeekTokenizer.Parse(json, config).Encode("ab 12  <s>😀\ud800", true, true)
        );
    }

    [Fact]
    public void A_mutated_config_is_read_or_refused()
    {
        byte[] tokenizer = Encoding.UTF8.GetBytes(s_tokenizer);
        Fuzz(Config, 1500, json => ChatTemplate.For(DeepSeekTokenizer.Parse(tokenizer, json)));
    }

    [Fact]
    public void A_mutated_generation_config_is_read_or_refused() =>
        Fuzz(
            Generation,
            5000,
            json =>
            {
                GenerationConfig config = GenerationConfig.Parse(json);
                Assert.All(config.EosTokenIds, id => Assert.True(id >= 0));
                Assert.NotNull(config.Sampling);
            }
        );

    [Fact]
    public void A_mutated_chat_template_is_read_or_refused()
    {
        string folder = Directory.CreateTempSubdirectory("hadal-fuzz").FullName;
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), s_tokenizer);
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), Config);
        const string template =
            "{{'<｜User｜>'}}{{'<｜Assistant｜>'}}{% if not thinking %}</think><think>";
        Fuzz(
            template,
            300,
            bytes =>
            {
                File.WriteAllBytes(Path.Combine(folder, "chat_template.jinja"), bytes);
                ChatTemplate.For(DeepSeekTokenizer.Load(folder));
            }
        );
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void A_mutated_tiktoken_model_or_its_config_is_read_or_refused()
    {
        // Longer tokens go first, where changes are.
        var random = new Random(18);
        IEnumerable<byte[]> tokens = Enumerable
            .Range(0, 200)
            .Select(i => new byte[] { (byte)i, (byte)random.Next(256), (byte)random.Next(256) })
            .Concat(Enumerable.Range(0, 256).Select(b => new[] { (byte)b }));
        string model = string.Concat(
            tokens.Select((token, rank) => $"{Convert.ToBase64String(token)} {rank}\n")
        );
        const string config = """
            {"added_tokens_decoder":{"460":{"content":"[EOS]","lstrip":false,"special":true},
              "456":{"content":"<|im_end|>"} },"eos_token":"[EOS]","bos_token":null,
             "auto_map":{"AutoTokenizer":["tokenization_kimi.TikTokenTokenizer",null]} }
            """;
        byte[] modelBytes = Encoding.UTF8.GetBytes(model);
        byte[] configBytes = Encoding.UTF8.GetBytes(config);
        Fuzz(model, 1000, bytes => TiktokenFile.Parse(bytes, configBytes));
        Fuzz(config, 1000, bytes => TiktokenFile.Parse(modelBytes, bytes));
    }

    [Fact]
    public void Any_text_is_encoded_and_comes_back_but_for_lone_surrogates()
    {
        var random = new Random(16);
        for (int round = 0; round < 3000; round++)
        {
            var units = new char[random.Next(40)];
            for (int i = 0; i < units.Length; i++)
                units[i] = (char)(
                    random.Next(3) switch
                    {
                        0 => random.Next(0xD800, 0xE000),
                        1 => random.Next(0x80),
                        _ => random.Next(0x10000),
                    }
                );
            string text = new(units);
            Assert.Equal(
                Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)),
                TestTokenizers.V3.Decode(TestTokenizers.V3.Encode(text, false))
            );
        }
    }

    /// <summary>Changes, cuts, doubles and inserts at random places, the same in every run.</summary>
    private static void Fuzz(string valid, int rounds, Action<byte[]> read)
    {
        byte[] source = Encoding.UTF8.GetBytes(valid);
        read(source);
        var random = new Random(17);
        int refused = 0;
        for (int round = 0; round < rounds; round++)
        {
            List<byte> bytes = [.. source];
            for (int change = random.Next(1, 4); change > 0 && bytes.Count > 0; change--)
            {
                int at = random.Next(Math.Min(bytes.Count, Reach));
                int length = Math.Min(random.Next(1, 30), bytes.Count - at);
                switch (random.Next(5))
                {
                    case 0:
                        bytes[at] = (byte)random.Next(256);
                        break;
                    case 1:
                        bytes.RemoveRange(at, length);
                        break;
                    case 2:
                        bytes.InsertRange(at, bytes.GetRange(at, length));
                        break;
                    case 3:
                        ReplaceValue(bytes, at, random);
                        break;
                    default:
                        bytes.InsertRange(at, Fragment(random));
                        break;
                }
            }
            Exception? error = Record.Exception(() => read([.. bytes]));
            Assert.True(
                error is null or TokenizerException or CheckpointException,
                $"round {round}: {error}\n{Encoding.UTF8.GetString([.. bytes])}"
            );
            refused += error is null ? 0 : 1;
        }
        // Neither nothing nor all of it gets through.
        Assert.InRange(refused, rounds / 20, rounds - (rounds / 100));
    }

    /// <summary>Puts a fragment in place of what stands between a colon or comma and the next comma or bracket.</summary>
    private static void ReplaceValue(List<byte> bytes, int at, Random random)
    {
        int begin = bytes.FindIndex(at, b => b is (byte)':' or (byte)',' or (byte)'[') + 1;
        int end = bytes.FindIndex(begin, b => b is (byte)',' or (byte)'}' or (byte)']');
        if (begin == 0 || end < 0)
            return;
        bytes.RemoveRange(begin, end - begin);
        bytes.InsertRange(begin, Fragment(random));
    }

    private static byte[] Fragment(Random random) =>
        Encoding.UTF8.GetBytes(s_fragments[random.Next(s_fragments.Length)]);
}
