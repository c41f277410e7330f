using System.Text.Json;
using Hadal.Json;

namespace Hadal.Tokenization;

/// <summary>The fields of a Hugging Face <c>tokenizer_config.json</c> that matter here.</summary>
/// <param name="Bos">The token that begins a sequence; null where the file names none.</param>
/// <param name="Eos">The token that ends a sequence.</param>
/// <param name="AddBos">Whether a text begins with BOS; null where the file says nothing.</param>
/// <param name="AddEos">Whether a text ends with EOS; null where the file says nothing.</param>
/// <param name="ChatTemplate">The Jinja template, of several the one named default; null where there is none.</param>
internal sealed record TokenizerConfig(
    string? Bos,
    string Eos,
    bool? AddBos,
    bool? AddEos,
    string? ChatTemplate
)
{
    public const string File = "tokenizer_config.json";

    public static TokenizerConfig Parse(ReadOnlyMemory<byte> json)
    {
        using JsonDocument document = TokenizerJson.Parse(json, File);
        JsonFields root = TokenizerJson.Fields(document.RootElement, File);
        return new TokenizerConfig(
            root.Has("bos_token") ? Token(root, "bos_token") : null,
            Token(root, "eos_token"),
            Flag(root, "add_bos_token"),
            Flag(root, "add_eos_token"),
            root.Optional("chat_template") is { } template ? Template(root, template) : null
        );
    }

    private static bool? Flag(JsonFields root, string name) =>
        root.Has(name) ? root.Flag(name) : null;

    /// <summary>A template is given as its text, or in a list of {name, template}.</summary>
    private static string Template(JsonFields root, JsonElement value)
    {
        const string path = $"{File}.chat_template";
        if (value.ValueKind != JsonValueKind.Array)
            return root.Text(value, path);
        foreach (JsonElement element in value.EnumerateArray())
        {
            JsonFields entry = TokenizerJson.Fields(element, path);
            if (entry.Text("name") == "default")
                return entry.Text("template");
        }
        throw new TokenizerException(
            $"{path}: none of the {value.GetArrayLength()} templates is named 'default'; name one so"
        );
    }

    /// <summary>A token is given as its text, or as an object that holds it.</summary>
    private static string Token(JsonFields root, string name) =>
        root.Optional(name) switch
        {
            null => throw new TokenizerException($"{File}: the field '{name}' is missing"),
            { ValueKind: JsonValueKind.Object } => root.Object(name).Text("content"),
            _ => root.Text(name),
        };
}
