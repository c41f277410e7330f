using System.Runtime.CompilerServices;

namespace Hadal.Tests;

/// <summary>Where the tests find their data: models and goldens inside the checkout, and prompts beside it.</summary>
internal static class Paths
{
    /// <summary>The root of the checkout.</summary>
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Here(), "..", ".."));

    /// <summary>The embedded model: a small, trained DeepSeek-V3.2.</summary>
    public static string EmbeddedModel { get; } =
        Path.Combine(Root, "tests", "models", "kjv-shakespeare-v32");

    /// <summary>Goldens made with DeepSeek's own reference code; see the README.md there.</summary>
    public static string Goldens { get; } = Path.Combine(Root, "tests", "goldens");

    /// <summary>DeepSeek-V3's tokenizer files and what its own tokenizer makes of 240 texts.</summary>
    public static string DeepSeekTokenizer { get; } =
        Path.Combine(Root, "tests", "models", "deepseek-v3-tokenizer");

    /// <summary>Prompts that DeepSeek's own encoders made, beside the checkout; see the README.md there.</summary>
    public static string Encodings { get; } =
        Path.GetFullPath(Path.Combine(Root, "..", "shared", "encodings"));

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
