using System.Text.Json;

namespace Hadal.Tests.Grammars;

/// <summary>The schemas under Schemas, by name.</summary>
internal static class TestSchemas
{
    private static readonly JsonDocumentOptions s_deep = new() { MaxDepth = 512 };

    /// <summary>Of which all texts are finite and short.</summary>
    public static IReadOnlyDictionary<string, JsonElement> Bounded { get; } = Read("Bounded");

    /// <summary>Of which texts may go on for long.</summary>
    public static IReadOnlyDictionary<string, JsonElement> Open { get; } = Read("Open");

    public static IReadOnlyDictionary<string, JsonElement> All { get; } =
        Bounded.Concat(Open).ToDictionary();

    public static JsonElement Parse(string json)
    {
        using var document = JsonDocument.Parse(json, s_deep);
        return document.RootElement.Clone();
    }

    private static Dictionary<string, JsonElement> Read(string folder) =>
        Directory
            .EnumerateFiles(
                Path.Combine(Paths.Root, "tests", "Hadal.Tests", "Grammars", "Schemas", folder),
                "*.json"
            )
            .Order(StringComparer.Ordinal)
            .ToDictionary(
                file => Path.GetFileNameWithoutExtension(file),
                file => Parse(File.ReadAllText(file))
            );
}
