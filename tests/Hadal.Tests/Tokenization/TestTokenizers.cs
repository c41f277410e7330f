using System.Text.Json;
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

    public static DeepSeekTokenizer V3 => s_v3.Value;

    /// <summary>2048 tokens; knows &lt;think&gt; and &lt;/think&gt;.</summary>
    public static DeepSeekTokenizer Small => s_small.Value;

    /// <summary>The 256 letters of GPT-2's bytes_to_unicode, in the order of their bytes.</summary>
    public static string ByteLetters { get; } = BuildByteLetters();

    /// <summary>Entries for a vocab, ids from <paramref name="firstId"/> on: one of each byte but those of a text.</summary>
    public static string ByteEntries(int firstId, string but) =>
        string.Join(
            ',',
            ByteLetters
                .Except(but)
                .Select((letter, i) => $"{JsonSerializer.Serialize(letter)}:{firstId + i}")
        );

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
