using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hadal.Tokenization;

namespace Hadal.Tests.Tokenization;

/// <summary>The tokenizers under tests/models, each read once.</summary>
internal static class TestTokenizers
{
    private static readonly Lazy<DeepSeekTokenizer> s_v3 = new(() =>
        DeepSeekTokenizer.Load(Paths.DeepSeekTokenizer)
    );
    private static readonly Lazy<DeepSeekTokenizer> s_small = new(() =>
        DeepSeekTokenizer.Load(Paths.EmbeddedModel)
    );

    private static readonly Lazy<DeepSeekTokenizer> s_v31 = new(() =>
        Renamed(new() { [128798] = "<think>", [128799] = "</think>" })
    );
    private static readonly Lazy<DeepSeekTokenizer> s_v31Dsml = new(() =>
        Renamed(
            new()
            {
                [128797] = "｜DSML｜",
                [128798] = "<think>",
                [128799] = "</think>",
            }
        )
    );

    private static readonly Lazy<string> s_byteLetters = new(BuildByteLetters);

    public static DeepSeekTokenizer V3 => s_v3.Value;

    /// <summary>That of DeepSeek-V3.1: V3's, but two placeholders are the marks of a thought, which are not special.</summary>
    public static DeepSeekTokenizer V31 => s_v31.Value;

    /// <summary>V3.1's with a further placeholder for V3.2's mark of tags.</summary>
    public static DeepSeekTokenizer V31WithDsml => s_v31Dsml.Value;

    /// <summary>2048 tokens; knows &lt;think&gt; and &lt;/think&gt;.</summary>
    public static DeepSeekTokenizer Small => s_small.Value;

    /// <summary>A token a byte, then BOS and EOS: for models of random weights, whose vocabularies are small.</summary>
    public static DeepSeekTokenizer Bytes { get; } =
        DeepSeekTokenizer.Parse(
            Encoding.UTF8.GetBytes(
                $$"""
                {"added_tokens":[{"id":256,"content":"<s>","special":true},{"id":257,"content":"</s>","special":true}],
                 "pre_tokenizer":{"type":"Sequence","pretokenizers":[
                   {"type":"Split","pattern":{"Regex":"x"},"behavior":"Isolated"},
                   {"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]},
                 "decoder":{"type":"ByteLevel"},
                 "model":{"type":"BPE","vocab":{ {{ByteEntries(0, "")}} },"merges":[] } }
                """
            ),
            """{"bos_token":"<s>","eos_token":"</s>"}"""u8.ToArray()
        );

    /// <summary>The 256 letters of GPT-2's bytes_to_unicode, in the order of their bytes.</summary>
    public static string ByteLetters => s_byteLetters.Value;

    /// <summary>Entries for a vocab, ids from <paramref name="firstId"/> on: one of each byte but those of a text.</summary>
    public static string ByteEntries(int firstId, string but) =>
        string.Join(
            ',',
            ByteLetters
                .Except(but)
                .Select((letter, i) => $"{JsonSerializer.Serialize(letter)}:{firstId + i}")
        );

    private static DeepSeekTokenizer Renamed(Dictionary<int, string> names)
    {
        JsonNode file = JsonNode.Parse(
            File.ReadAllBytes(Path.Combine(Paths.DeepSeekTokenizer, "tokenizer.json"))
        )!;
        foreach (JsonNode? token in file["added_tokens"]!.AsArray())
        {
            if (names.Remove((int)token!["id"]!, out string? name))
            {
                token["content"] = name;
                token["special"] = false;
            }
        }
        Assert.Empty(names);
        return DeepSeekTokenizer.Parse(
            JsonSerializer.SerializeToUtf8Bytes(file),
            File.ReadAllBytes(Path.Combine(Paths.DeepSeekTokenizer, "tokenizer_config.json"))
        );
    }

    private static string BuildByteLetters()
    {
        // list(range(ord("!"), ord("~")+1)) + list(range(ord("¡"), ord("¬")+1)) + list(range(ord("®"), ord("ÿ")+1))
        var printable = new HashSet<int>([
            .. Enumerable.Range('!', '~' - '!' + 1),
            .. Enumerable.Range('¡', '¬' - '¡' + 1),
            .. Enumerable.Range('®', 'ÿ' - '®' + 1),
        ]);
        int others = 0;
        return string.Concat(
            Enumerable.Range(0, 256).Select(b => (char)(printable.Contains(b) ? b : 256 + others++))
        );
    }
}
