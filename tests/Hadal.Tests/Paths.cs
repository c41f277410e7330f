using System.Runtime.CompilerServices;

namespace Hadal.Tests;

/// <summary>Where the tests find their data: the checkout's own model, and the goldens beside it.</summary>
internal static class Paths
{
    /// <summary>The root of the checkout.</summary>
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Here(), "..", ".."));

    /// <summary>The embedded model: a small, trained DeepSeek-V3.2.</summary>
    public static string EmbeddedModel { get; } = Path.Combine(Root, "tests", "models", "kjv-shakespeare-v32");

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
