using System.Buffers;
using System.Text;
using Hadal.Tokenization;

namespace Hadal.Tests.Tokenization;

public sealed class Utf8StreamDecoderTests
{
    [Fact]
    public void A_split_character_is_held_back_until_whole()
    {
        var decoder = new Utf8StreamDecoder();
        var output = new ArrayBufferWriter<char>();
        byte[] smile = Encoding.UTF8.GetBytes("😀");
        for (int i = 0; i < 3; i++)
        {
            decoder.Append(smile.AsSpan(i, 1), output);
            Assert.Equal(0, output.WrittenCount);
        }
        decoder.Append(smile.AsSpan(3, 1), output);
        Assert.Equal("😀", output.WrittenSpan.ToString());
    }

    [Fact]
    public void Flush_replaces_what_is_incomplete_and_begins_anew()
    {
        var decoder = new Utf8StreamDecoder();
        var output = new ArrayBufferWriter<char>();
        decoder.Append([0x61, 0xF0, 0x9F], output);
        Assert.Equal("a", output.WrittenSpan.ToString());
        decoder.Flush(output);
        decoder.Append("b"u8, output);
        decoder.Flush(output);
        Assert.Equal("a\uFFFDb", output.WrittenSpan.ToString());
    }

    [Fact]
    public void Any_bytes_cut_anywhere_give_what_decoding_at_once_gives()
    {
        // The bytes that matter: ASCII, continuations, leads of each length, and bytes that are never valid.
        byte[] alphabet =
        [
            0x00,
            0x41,
            0x7F,
            0x80,
            0x8F,
            0x90,
            0x9F,
            0xA0,
            0xBF,
            0xC0,
            0xC2,
            0xE0,
            0xE1,
            0xED,
            0xEF,
            0xBB,
            0xF0,
            0xF1,
            0xF4,
            0xF5,
            0xFF,
            0x98,
            0x80,
        ];
        var random = new Random(5);
        var decoder = new Utf8StreamDecoder();
        for (int round = 0; round < 20000; round++)
        {
            var bytes = new byte[random.Next(16)];
            for (int i = 0; i < bytes.Length; i++)
                bytes[i] = alphabet[random.Next(alphabet.Length)];
            var output = new ArrayBufferWriter<char>();
            for (int at = 0; at < bytes.Length; )
            {
                int n = Math.Min(random.Next(4), bytes.Length - at);
                decoder.Append(bytes.AsSpan(at, n), output);
                at += n;
            }
            decoder.Flush(output);
            Assert.True(
                Encoding.UTF8.GetString(bytes) == output.WrittenSpan.ToString(),
                Convert.ToHexString(bytes)
            );
        }
    }

    [Fact]
    public void Streaming_the_bytes_of_tokens_gives_the_text()
    {
        const string text = "𝔘𝔫𝔦 👩‍👩‍👧 神は e\u0301 \u0001 ﷽ 🏴󠁧󠁢󠁥󠁮󠁧󠁿";
        int[] ids = TestTokenizers.Small.Encode(text, addSpecialTokens: false);
        var decoder = new Utf8StreamDecoder();
        var output = new ArrayBufferWriter<char>();
        foreach (int id in ids)
        {
            decoder.Append(TestTokenizers.Small.GetBytes(id), output);
            Assert.DoesNotContain('\uFFFD', output.WrittenSpan.ToArray());
        }
        decoder.Flush(output);
        Assert.Equal(text, output.WrittenSpan.ToString());
    }
}
