using System.Text;
using System.Text.Json;
using Hadal.Tokenization;
using Microsoft.ML.Tokenizers;

namespace Hadal.Tests.Tokenization;

public sealed class BytePairMergerTests
{
    private static readonly string s_file = File.ReadAllText(
        Path.Combine(Paths.DeepSeekTokenizer, "tokenizer.json")
    );
    private static readonly Lazy<BytePairTable> s_table = new(() =>
        new(TokenizerFile.Parse(Encoding.UTF8.GetBytes(s_file)))
    );

    private static int[] Encode(string word, BytePairMerger? merger = null)
    {
        List<int> ids = [];
        (merger ?? new BytePairMerger(s_table.Value, default)).Append(word, ids);
        return [.. ids];
    }

    [Fact]
    public void Thousands_of_odd_words_have_the_ids_of_the_textbook_algorithm()
    {
        var naive = new NaiveBytePairs(s_file);
        var random = new Random(11);
        var merger = new BytePairMerger(s_table.Value, default);
        for (int round = 0; round < 4000; round++)
        {
            string word = OddText(random, random.Next(1, 40));
            Assert.Equal(naive.Encode(word), Encode(word, merger));
        }
    }

    [Fact]
    public void Vocabularies_of_any_order_of_ranks_give_the_ids_of_the_textbook_algorithm()
    {
        var random = new Random(12);
        for (int file = 0; file < 60; file++)
        {
            string json = OddFile(random);
            var naive = new NaiveBytePairs(json);
            DeepSeekTokenizer tokenizer = DeepSeekTokenizer.Parse(
                Encoding.UTF8.GetBytes(json),
                """{"bos_token":"<s>","eos_token":"<s>"}"""u8.ToArray()
            );
            for (int round = 0; round < 60; round++)
            {
                string word = string.Concat(
                    Enumerable.Range(0, random.Next(1, 50)).Select(_ => "abc"[random.Next(3)])
                );
                Assert.Equal(naive.Encode(word), tokenizer.Encode(word));
            }
        }
    }

    [Fact]
    public void Whole_texts_have_the_ids_of_another_library()
    {
        TokenizerFile file = TokenizerFile.Parse(Encoding.UTF8.GetBytes(s_file));
        using JsonDocument document = JsonDocument.Parse(s_file);
        BpeTokenizer other = BpeTokenizer.Create(
            new BpeOptions(file.Vocabulary)
            {
                Merges = document
                    .RootElement.GetProperty("model")
                    .GetProperty("merges")
                    .EnumerateArray()
                    .Select(merge => merge.GetString()!)
                    .ToList(),
                ByteLevel = true,
                PreTokenizer = new Pieces(file.PreTokenizer),
            }
        );
        var random = new Random(13);
        for (int round = 0; round < 1500; round++)
        {
            string text = OddText(random, random.Next(1, 200));
            Assert.Equal(
                other.EncodeToIds(text, considerNormalization: false),
                TestTokenizers.V3.Encode(text, addSpecialTokens: false)
            );
        }
    }

    [Theory]
    [InlineData(0x0E01, 0x0E2E, 100_000)] // Thai
    [InlineData(0x4E00, 0x9FA5, 100_000)] // Chinese
    [InlineData(0x1F600, 0x1F64F, 100_000)] // emoji
    [InlineData('a', 'z', 200_000)]
    [InlineData('a', 'b', 200_000)]
    public void A_long_word_takes_few_steps_a_byte(int first, int last, int length)
    {
        var random = new Random(14);
        var word = new StringBuilder();
        for (int i = 0; i < length; i++)
            word.Append(new Rune(random.Next(first, last)).ToString());
        var merger = new BytePairMerger(s_table.Value, default);
        int[] ids = Encode(word.ToString(), merger);
        Assert.Equal(word.ToString(), TestTokenizers.V3.Decode(ids));
        // One pair for each byte, and two for each merge.
        Assert.InRange(merger.Steps, length, 3L * Encoding.UTF8.GetByteCount(word.ToString()));
    }

    [Fact]
    public void A_long_word_is_cancelled_within()
    {
        var merger = new BytePairMerger(s_table.Value, new CancellationToken(canceled: true));
        Encode("short", merger);
        Assert.Throws<OperationCanceledException>(() => Encode(new string('a', 10_000), merger));
    }

    [Fact]
    public void Encoding_is_cancelled()
    {
        Assert.Throws<OperationCanceledException>(() =>
            TestTokenizers.V3.Encode("", cancellationToken: new CancellationToken(canceled: true))
        );
    }

    /// <summary>Letters of a few scripts, digits, symbols, white space and emoji, in runs.</summary>
    private static string OddText(Random random, int runes)
    {
        (int First, int Last)[] ranges =
        [
            (' ', '~'),
            ('a', 'z'),
            ('\t', '\r'),
            (0x00C0, 0x024F),
            (0x0E01, 0x0E2E),
            (0x0300, 0x036F),
            (0x3040, 0x30FF),
            (0x4E00, 0x9FA5),
            (0x1F600, 0x1F64F),
            (0x10000, 0x10FFFF),
        ];
        var text = new StringBuilder();
        for (int left = runes; left > 0; )
        {
            (int first, int last) = ranges[random.Next(ranges.Length)];
            for (int run = random.Next(1, 8); run > 0 && left > 0; run--, left--)
                text.Append(new Rune(random.Next(first, last + 1)).ToString());
        }
        return text.ToString();
    }

    /// <summary>A file whose merges come in any order, many of which make the same token.</summary>
    private static string OddFile(Random random)
    {
        List<string> tokens = ["a", "b", "c"];
        HashSet<string> merges = [];
        while (merges.Count < 40)
        {
            string left = tokens[random.Next(tokens.Count)];
            string right = tokens[random.Next(tokens.Count)];
            if (left.Length + right.Length > 8 || !merges.Add($"{left} {right}"))
                continue;
            if (!tokens.Contains(left + right))
                tokens.Add(left + right);
        }
        string[] order = [.. merges];
        random.Shuffle(order);
        string vocabulary = string.Join(',', tokens.Select((token, i) => $"\"{token}\":{i}"));
        return $$"""
            {"added_tokens":[{"id":999,"content":"<s>"}],
             "pre_tokenizer":{"type":"Sequence","pretokenizers":[
               {"type":"Split","pattern":{"Regex":"\\n"},"behavior":"Isolated"},
               {"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]},
             "decoder":{"type":"ByteLevel"},
             "model":{"type":"BPE",
               "vocab":{ {{vocabulary}},{{TestTokenizers.ByteEntries(100, "abc")}} },
               "merges":{{JsonSerializer.Serialize(order)}} } }
            """;
    }

    private sealed class Pieces(SplitPreTokenizer inner) : PreTokenizer
    {
        public override IEnumerable<(int Offset, int Length)> PreTokenize(string text) =>
            PreTokenize(text.AsSpan());

        public override IEnumerable<(int Offset, int Length)> PreTokenize(
            ReadOnlySpan<char> text
        ) => inner.Split(text, new PatternBudget(TimeSpan.MaxValue, default));
    }
}
