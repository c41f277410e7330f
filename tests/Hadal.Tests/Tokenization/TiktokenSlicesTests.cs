using System.Text;
using Hadal.Tokenization;

namespace Hadal.Tests.Tokenization;

public sealed class TiktokenSlicesTests
{
    [Fact]
    public void Texts_are_cut_where_the_published_code_cuts()
    {
        var random = new Random(51);
        string[] spaces = [" ", "\n", "\u001F", "\u3000"];
        string[] others = ["a", "é", "漢", "😀", "\u200B"];
        for (int round = 0; round < 12; round++)
        {
            var text = new StringBuilder();
            for (int run = random.Next(1, 12); run > 0; run--)
            {
                string[] kind = random.Next(2) == 0 ? spaces : others;
                int length = random.Next(5) switch
                {
                    0 => 25_000,
                    1 => 25_001,
                    2 => random.Next(50_000, 130_000),
                    _ => random.Next(1, 30),
                };
                for (int i = 0; i < length; i++)
                    text.Append(kind[random.Next(kind.Length)]);
            }
            string whole = text.ToString();
            Assert.Equal(Published(whole), TiktokenSlices.Of(whole).Select(range => whole[range]));
        }
        Assert.Equal(0..0, Assert.Single(TiktokenSlices.Of("")));
    }

    [Fact]
    public void A_word_is_cut_at_a_slice()
    {
        // "aa" is a token, which no cut may part, but after 25,000 characters.
        DeepSeekTokenizer tokenizer = Tokenizer();
        int[] ids = tokenizer.Encode(new string('a', 25_001));
        Assert.Equal([.. Enumerable.Repeat(256, 12_500), 'a'], ids);
        ids = tokenizer.Encode("b" + new string('a', 25_001));
        Assert.Equal(['b', .. Enumerable.Repeat(256, 12_499), 'a', 256], ids);
    }

    private static DeepSeekTokenizer Tokenizer()
    {
        string folder = Directory.CreateTempSubdirectory("hadal-slices").FullName;
        File.WriteAllText(
            Path.Combine(folder, "tiktoken.model"),
            string.Concat(
                Enumerable
                    .Range(0, 256)
                    .Select(b => $"{Convert.ToBase64String([(byte)b])} {b}\n")
                    .Append("YWE= 256\n")
            )
        );
        File.WriteAllText(
            Path.Combine(folder, "tokenizer_config.json"),
            """
            {"eos_token":"[EOS]","added_tokens_decoder":{"257":{"content":"[EOS]"}},
             "auto_map":{"AutoTokenizer":["tokenization_kimi.TikTokenTokenizer",null]}}
            """
        );
        DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Load(folder);
        Directory.Delete(folder, recursive: true);
        return tokenizer;
    }

    /// <summary>What tokenization_kimi.py does, step by step, on code points.</summary>
    private static List<string> Published(string text)
    {
        Rune[] runes = [.. text.EnumerateRunes()];
        List<string> parts = [];
        for (int i = 0; i < runes.Length; i += 400_000)
        {
            Rune[] s = runes[i..Math.Min(i + 400_000, runes.Length)];
            int currentLength = 0;
            bool currentIsSpace = IsSpace(s[0]);
            int start = 0;
            for (int j = 0; j < s.Length; j++)
            {
                bool nowSpace = IsSpace(s[j]);
                if (currentIsSpace ^ nowSpace)
                {
                    currentLength = 1;
                    currentIsSpace = nowSpace;
                }
                else if (++currentLength > 25_000)
                {
                    parts.Add(string.Concat(s[start..j]));
                    start = j;
                    currentLength = 1;
                }
            }
            parts.Add(string.Concat(s[start..]));
        }
        return parts;

        static bool IsSpace(Rune rune) => rune.Value is ' ' or '\n' or 0x1F or 0x3000;
    }
}
