using System.Text;
using System.Text.Json;
using Hadal.Tokenization;

namespace Hadal.Tests.Tokenization;

public sealed class DeepSeekTokenizerTests
{
    [Fact]
    public void Encode_equals_every_golden_of_the_published_tokenizer()
    {
        string path = Path.Combine(Paths.DeepSeekTokenizer, "goldens.jsonl");
        int lines = 0;
        foreach (string line in File.ReadLines(path))
        {
            using JsonDocument golden = JsonDocument.Parse(line);
            string text = golden.RootElement.GetProperty("text").GetString()!;
            int[] expected =
            [
                .. golden.RootElement.GetProperty("ids").EnumerateArray().Select(e => e.GetInt32()),
            ];
            int[] actual = TestTokenizers.V3.Encode(text, false, parseSpecialTokens: true);
            Assert.True(
                expected.AsSpan().SequenceEqual(actual),
                $"line {lines + 1}, '{text}': expected [{string.Join(',', expected)}], got [{string.Join(',', actual)}]"
            );
            Assert.Equal(text, TestTokenizers.V3.Decode(actual));
            lines++;
        }
        Assert.Equal(240, lines);
    }

    [Fact]
    public void Random_text_of_all_planes_comes_back_unchanged()
    {
        var random = new Random(1);
        foreach (
            DeepSeekTokenizer tokenizer in (DeepSeekTokenizer[])
                [TestTokenizers.V3, TestTokenizers.Small]
        )
        {
            for (int round = 0; round < 500; round++)
            {
                var text = new StringBuilder();
                for (int i = random.Next(60); i > 0; i--)
                    text.Append(RandomRune(random).ToString());
                int[] ids = tokenizer.Encode(text.ToString(), addSpecialTokens: false);
                Assert.Equal(text.ToString(), tokenizer.Decode(ids));
            }
        }
    }

    [Fact]
    public void Every_byte_has_a_token_of_its_own()
    {
        foreach (
            DeepSeekTokenizer tokenizer in (DeepSeekTokenizer[])
                [TestTokenizers.V3, TestTokenizers.Small]
        )
        {
            var seen = new HashSet<byte>();
            for (int id = 0; id < tokenizer.VocabularySize; id++)
            {
                if (tokenizer.GetBytes(id).Length == 1)
                    seen.Add(tokenizer.GetBytes(id)[0]);
            }
            Assert.Equal(256, seen.Count);
        }
    }

    [Fact]
    public void Encode_of_the_held_out_text_equals_the_ids_the_model_was_measured_with()
    {
        string folder = Paths.EmbeddedModel;
        int[] expected = ReadIds(Path.Combine(folder, "held.ids.safetensors"));
        string[] documents = File.ReadAllText(Path.Combine(folder, "held.txt")).Split("\n\n\n");
        var actual = new List<int>();
        foreach (string document in documents)
        {
            actual.AddRange(TestTokenizers.Small.Encode(document));
            actual.Add(TestTokenizers.Small.EosId);
            if (actual.Count >= expected.Length)
                break;
        }
        Assert.Equal(expected, actual.Take(expected.Length));
    }

    [Fact]
    public void Special_text_is_a_token_only_where_asked()
    {
        const string text = "a<｜User｜>b<｜end▁of▁sentence｜>";
        int[] parsed = TestTokenizers.V3.Encode(text, false, parseSpecialTokens: true);
        int[] plain = TestTokenizers.V3.Encode(text, false);
        Assert.Equal([67, 128803, 68, 1], parsed);
        Assert.DoesNotContain(128803, plain);
        Assert.DoesNotContain(1, plain);
        Assert.Equal(text, TestTokenizers.V3.Decode(plain));
    }

    [Fact]
    public void Bos_is_added_where_the_config_says_so_and_left_out_on_request()
    {
        Assert.Equal([0, 6366], TestTokenizers.V3.Encode("hi"));
        Assert.Equal([6366], TestTokenizers.V3.Encode("hi", addSpecialTokens: false));
    }

    [Fact]
    public void Ids_and_sizes_are_those_of_the_files()
    {
        DeepSeekTokenizer v3 = TestTokenizers.V3;
        Assert.Equal((0, 1, 128815), (v3.BosId, v3.EosId, v3.VocabularySize));
        Assert.True(v3.IsSpecial(0) && v3.IsSpecial(1) && v3.IsSpecial(128000));
        Assert.False(v3.IsSpecial(128803) || v3.IsSpecial(6366) || v3.IsSpecial(129000));
        Assert.Equal(2048, TestTokenizers.Small.VocabularySize);
        Assert.Equal("<｜User｜>", v3.Decode([128803]));
        Assert.Equal("hi", v3.Decode([0, 6366, 1], skipSpecialTokens: true));
        Assert.True(v3.GetBytes(129000).IsEmpty);
        Assert.Throws<ArgumentOutOfRangeException>(() => v3.Decode([-1]));
    }

    [Fact]
    public void Unpaired_surrogates_become_the_replacement_character()
    {
        foreach (string text in (string[])["\uD83D", "a\uDE00b", "\uDE00\uD83D", "é\uD800"])
        {
            int[] ids = TestTokenizers.V3.Encode(text, false);
            Assert.Equal(
                Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)),
                TestTokenizers.V3.Decode(ids)
            );
        }
    }

    [Fact]
    public void Symbols_beyond_the_basic_plane_are_cut_like_symbols()
    {
        // The third pattern takes an optional space and a run of symbols as one piece, then letters as another: so
        // emoji and the letters after them never share a token, and the two halves of an emoji never part.
        int[] whole = TestTokenizers.V3.Encode("x 😀😀abc", false);
        int[] parts =
        [
            .. TestTokenizers.V3.Encode("x", false),
            .. TestTokenizers.V3.Encode(" 😀😀", false),
            .. TestTokenizers.V3.Encode("abc", false),
        ];
        Assert.Equal(parts, whole);
    }

    [Fact]
    public void Concurrent_use_gives_the_same_ids()
    {
        string[] texts =
        [
            .. Enumerable.Range(0, 64).Select(i => $"In the beginning {i} 😀 神 was {i * 977}"),
        ];
        int[][] expected = [.. texts.Select(t => TestTokenizers.V3.Encode(t))];
        var actual = new int[texts.Length][];
        Parallel.For(0, texts.Length, i => actual[i] = TestTokenizers.V3.Encode(texts[i]));
        Assert.Equal(expected, actual);
    }

    private static Rune RandomRune(Random random)
    {
        int limit = random.Next(5) switch
        {
            0 => 0x80,
            1 => 0x800,
            2 => 0x10000,
            _ => 0x110000,
        };
        while (true)
        {
            if (Rune.TryCreate(random.Next(limit), out Rune rune))
                return rune;
        }
    }

    /// <summary>The one tensor `ids` of a safetensors file: int32 or int64.</summary>
    private static int[] ReadIds(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        int header = (int)BitConverter.ToInt64(file);
        using JsonDocument document = JsonDocument.Parse(file.AsMemory(8, header));
        JsonElement ids = document.RootElement.GetProperty("ids");
        int begin = 8 + header + ids.GetProperty("data_offsets")[0].GetInt32();
        int end = 8 + header + ids.GetProperty("data_offsets")[1].GetInt32();
        bool wide = ids.GetProperty("dtype").GetString() == "I64";
        var result = new int[(end - begin) / (wide ? 8 : 4)];
        for (int i = 0; i < result.Length; i++)
            result[i] = wide
                ? (int)BitConverter.ToInt64(file, begin + 8 * i)
                : BitConverter.ToInt32(file, begin + 4 * i);
        return result;
    }
}
