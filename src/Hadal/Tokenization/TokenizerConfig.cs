using System.Text.Json;

namespace Hadal.Tokenization;

/// <summary>The fields of a Hugging Face <c>tokenizer_config.json</c> that matter here.</summary>
internal sealed record TokenizerConfig(
    string Bos,
    string Eos,
    bool AddBos,
    bool AddEos,
    string? ChatTemplate
)
{
    private const string File = "tokenizer_config.json";

    public static TokenizerConfig Parse(ReadOnlyMemory<byte> json)
    {
        using JsonDocument document = JsonFields.Parse(json, File);
        JsonElement root = JsonFields.Require(document.RootElement, JsonValueKind.Object, File);
        return new TokenizerConfig(
            Token(root, "bos_token"),
            Token(root, "eos_token"),
            JsonFields.GetFlag(root, "add_bos_token", File),
            JsonFields.GetFlag(root, "add_eos_token", File),
            JsonFields.GetOptional(root, "chat_template", File) is { } template
                ? JsonFields.Text(template, $"{File}.chat_template")
                : null
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
