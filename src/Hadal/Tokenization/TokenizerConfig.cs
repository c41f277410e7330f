using System.Text.Json;

namespace Hadal.Tokenization;

/// <summary>The fields of a Hugging Face <c>tokenizer_config.json</c> that matter here.</summary>
/// <param name="Bos">The token that begins a sequence.</param>
/// <param name="Eos">The token that ends a sequence.</param>
/// <param name="AddBos">Whether a text begins with BOS; null where the file says nothing.</param>
/// <param name="AddEos">Whether a text ends with EOS; null where the file says nothing.</param>
/// <param name="ChatTemplate">The Jinja template, of several the one named default; null where there is none.</param>
internal sealed record TokenizerConfig(
    string Bos,
    string Eos,
    bool? AddBos,
    bool? AddEos,
    string? ChatTemplate
)
{
    public const string File = "tokenizer_config.json";

    public static TokenizerConfig Parse(ReadOnlyMemory<byte> json)
    {
        using JsonDocument document = JsonFields.Parse(json, File);
        JsonElement root = JsonFields.Require(document.RootElement, JsonValueKind.Object, File);
        return new TokenizerConfig(
            Token(root, "bos_token"),
            Token(root, "eos_token"),
            Flag(root, "add_bos_token"),
            Flag(root, "add_eos_token"),
            JsonFields.GetOptional(root, "chat_template", File) is { } template
                ? Template(template)
                : null
        );
    }

    private static bool? Flag(JsonElement root, string name) =>
        JsonFields.GetOptional(root, name, File) is null
            ? null
            : JsonFields.GetFlag(root, name, File);

    /// <summary>A template is given as its text, or in a list of {name, template}.</summary>
    private static string Template(JsonElement value)
    {
        const string path = $"{File}.chat_template";
        if (value.ValueKind != JsonValueKind.Array)
            return JsonFields.Text(value, path);
        foreach (JsonElement entry in value.EnumerateArray())
        {
            if (JsonFields.GetString(entry, "name", path) == "default")
                return JsonFields.GetString(entry, "template", path);
        }
        throw new TokenizerException(
            $"{path}: none of the {value.GetArrayLength()} templates is named 'default'; name one so"
        );
    }

    /// <summary>A token is given as its text, or as an object that holds it.</summary>
    private static string Token(JsonElement root, string name) =>
        JsonFields.GetOptional(root, name, File) switch
        {
            null => throw new TokenizerException($"{File}: the field '{name}' is missing"),
            { ValueKind: JsonValueKind.Object } token => JsonFields.GetString(
                token,
                "content",
                $"{File}.{name}"
            ),
            { } text => JsonFields.Text(text, $"{File}.{name}"),
        };
}
