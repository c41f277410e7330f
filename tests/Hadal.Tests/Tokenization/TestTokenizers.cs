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
}
