using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Hadal.Tokenization;

namespace Hadal.Tests.Server;

/// <summary>Leaves a random model tokens that can be seen: none that ends or marks something, none of half a character.</summary>
internal static class PlainTokens
{
    /// <summary>The bias with which no other token is drawn.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="wanted">Other tokens that are to be drawn, and their bias.</param>
    public static Dictionary<int, float> Bias(
        DeepSeekTokenizer tokenizer,
        params ReadOnlySpan<(int Id, float Bias)> wanted
    )
    {
        var all = Enumerable
            .Range(0, tokenizer.VocabularySize)
            .Where(id => !IsPlain(tokenizer, id))
            .ToDictionary(id => id, _ => -100f);
        foreach ((int id, float bias) in wanted)
            all[id] = bias;
        return all;
    }

    /// <summary>The same as the value of <c>logit_bias</c>.</summary>
    public static string Json(
        DeepSeekTokenizer tokenizer,
        params ReadOnlySpan<(int Id, float Bias)> wanted
    ) => JsonSerializer.Serialize(Bias(tokenizer, wanted));

    private static bool IsPlain(DeepSeekTokenizer tokenizer, int id)
    {
        ReadOnlySpan<byte> bytes = tokenizer.GetBytes(id);
        string text = Encoding.UTF8.GetString(bytes);
        return Utf8.IsValid(bytes)
            && !string.IsNullOrWhiteSpace(text)
            && !text.Any(char.IsControl)
            && !tokenizer.IsSpecial(id)
            && !tokenizer.TryGetAddedToken(text, out _);
    }
}
