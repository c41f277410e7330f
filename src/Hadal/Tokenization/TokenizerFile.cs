using System.Text.Json;

namespace Hadal.Tokenization;

/// <summary>
/// The parts of a Hugging Face <c>tokenizer.json</c> that a byte-level BPE tokenizer needs. Whatever would change the
/// ids and is not supported is refused by name.
/// </summary>
internal sealed class TokenizerFile
{
    /// <summary>Bounds the tables that a hostile file can make us allocate.</summary>
    public const int MaxVocabularySize = 1 << 22;

    public const string File = "tokenizer.json";

    // Bounds what finding them in a text takes: at each place the longest of those that begin there is looked for.
    private const int MaxAddedTokens = 1 << 16;
    private const int MaxAddedTokenLength = 128;

    public required Dictionary<string, int> Vocabulary { get; init; }

    /// <summary>The rank of each pair of ids that merges, and the id that it becomes.</summary>
    public required Dictionary<(int Left, int Right), (int Rank, int Id)> Merges { get; init; }

    /// <summary>Whether a word that is a token of the vocabulary is that token, whatever the merges say.</summary>
    public required bool IgnoreMerges { get; init; }

    public required List<AddedToken> AddedTokens { get; init; }

    public required SplitPreTokenizer PreTokenizer { get; init; }

    public required PostProcessor PostProcessor { get; init; }

    public static TokenizerFile Parse(ReadOnlyMemory<byte> json)
    {
        using JsonDocument document = JsonFields.Parse(json, File);
        JsonElement root = JsonFields.Require(document.RootElement, JsonValueKind.Object, File);
        CheckNormalizer(root);
        CheckDecoder(root);
        JsonElement model = JsonFields.Get(root, "model", JsonValueKind.Object, File);
        CheckModel(model);
        Dictionary<string, int> vocabulary = ReadVocabulary(model);
        List<AddedToken> added = ReadAddedTokens(root, vocabulary);
        return new TokenizerFile
        {
            Vocabulary = vocabulary,
            Merges = ReadMerges(model, vocabulary),
            IgnoreMerges = JsonFields.GetFlag(model, "ignore_merges", $"{File}.model"),
            AddedTokens = added,
            PreTokenizer = PreTokenizerFields.Read(root),
            PostProcessor = PostProcessor.Read(root, added),
        };
    }

    private static void CheckNormalizer(JsonElement root)
    {
        if (JsonFields.GetOptional(root, "normalizer", File) is not { } normalizer)
            return;
        const string path = $"{File}.normalizer";
        string type = JsonFields.GetString(normalizer, "type", path);
        if (
            type != "Sequence"
            || JsonFields.Get(normalizer, "normalizers", JsonValueKind.Array, path).GetArrayLength()
                != 0
        )
            throw new TokenizerException(
                $"{path}: '{JsonFields.Cut(type)}' is not supported; it must be null or an empty Sequence"
            );
    }

    private static void CheckDecoder(JsonElement root)
    {
        JsonElement decoder = JsonFields.Get(root, "decoder", JsonValueKind.Object, File);
        string type = JsonFields.GetString(decoder, "type", $"{File}.decoder");
        if (type != "ByteLevel")
            throw new TokenizerException(
                $"{File}.decoder: '{JsonFields.Cut(type)}' is not supported; it must be ByteLevel"
            );
    }

    private static void CheckModel(JsonElement model)
    {
        const string path = $"{File}.model";
        string type = JsonFields.GetString(model, "type", path);
        if (type != "BPE")
            throw new TokenizerException(
                $"{path}.type: '{JsonFields.Cut(type)}' is not supported; it must be BPE"
            );
        string[] mustBeOff =
        [
            "dropout",
            "unk_token",
            "continuing_subword_prefix",
            "end_of_word_suffix",
            "byte_fallback",
        ];
        foreach (string name in mustBeOff)
        {
            if (
                JsonFields.GetOptional(model, name, path)
                    is { ValueKind: not JsonValueKind.False } value
                && !(value.ValueKind == JsonValueKind.String && value.ValueEquals(""))
            )
                throw new TokenizerException(
                    $"{path}.{name}: {JsonFields.Cut(value.GetRawText())} is not supported; it must be absent, null or false"
                );
        }
    }

    private static Dictionary<string, int> ReadVocabulary(JsonElement model)
    {
        const string path = $"{File}.model.vocab";
        JsonElement entries = JsonFields.Get(model, "vocab", JsonValueKind.Object, $"{File}.model");
        var vocabulary = new Dictionary<string, int>(entries.GetPropertyCount());
        var ids = new HashSet<int>(entries.GetPropertyCount());
        foreach (JsonProperty entry in entries.EnumerateObject())
        {
            string token = JsonFields.Name(entry, path);
            if (!JsonFields.TryGetId(entry.Value, out int id))
                throw JsonFields.BadId(entry.Value, $"{path}['{JsonFields.Cut(token)}']");
            if (!vocabulary.TryAdd(token, id))
                throw new TokenizerException(
                    $"{path}: the token '{JsonFields.Cut(token)}' occurs twice"
                );
            if (!ids.Add(id))
                throw new TokenizerException(
                    $"{path}['{JsonFields.Cut(token)}']: the id {id} belongs to two tokens"
                );
        }
        return vocabulary;
    }

    /// <summary>Each merge is "left right", or since tokenizers 0.20 a pair; of two of the same pair the last holds.</summary>
    private static Dictionary<(int Left, int Right), (int Rank, int Id)> ReadMerges(
        JsonElement model,
        Dictionary<string, int> vocabulary
    )
    {
        const string path = $"{File}.model.merges";
        JsonElement array = JsonFields.Get(model, "merges", JsonValueKind.Array, $"{File}.model");
        var merges = new Dictionary<(int Left, int Right), (int Rank, int Id)>(
            array.GetArrayLength()
        );
        int rank = 0;
        foreach (JsonElement entry in array.EnumerateArray())
        {
            string[] pair =
                entry.ValueKind == JsonValueKind.Array
                    ? [.. entry.EnumerateArray().Select(e => JsonFields.Text(e, $"{path}[{rank}]"))]
                    : JsonFields.Text(entry, $"{path}[{rank}]").Split(' ');
            if (
                pair.Length != 2
                || !vocabulary.TryGetValue(pair[0], out int left)
                || !vocabulary.TryGetValue(pair[1], out int right)
                || !vocabulary.TryGetValue(pair[0] + pair[1], out int id)
            )
                throw new TokenizerException(
                    $"{path}[{rank}]: '{JsonFields.Cut(string.Join(' ', pair))}' must be two tokens of the vocabulary whose joining is one too"
                );
            merges[(left, right)] = (rank++, id);
        }
        return merges;
    }

    private static List<AddedToken> ReadAddedTokens(
        JsonElement root,
        Dictionary<string, int> vocabulary
    )
    {
        JsonElement array = JsonFields.Get(root, "added_tokens", JsonValueKind.Array, File);
        if (array.GetArrayLength() > MaxAddedTokens)
            throw new TokenizerException(
                $"{File}.added_tokens: has {array.GetArrayLength()}, must have at most {MaxAddedTokens}"
            );
        Dictionary<int, string> byId = vocabulary.ToDictionary(e => e.Value, e => e.Key);
        var tokens = new List<AddedToken>(array.GetArrayLength());
        var contents = new HashSet<string>();
        var ids = new HashSet<int>();
        foreach (JsonElement entry in array.EnumerateArray())
        {
            string path = $"{File}.added_tokens[{tokens.Count}]";
            AddedToken token = ReadAddedToken(entry, path);
            string shown = $"'{JsonFields.Cut(token.Content)}' (id {token.Id})";
            if (!contents.Add(token.Content) || !ids.Add(token.Id))
                throw new TokenizerException($"{path}: {shown} occurs twice");
            if (byId.TryGetValue(token.Id, out string? other) && other != token.Content)
                throw new TokenizerException(
                    $"{path}: {shown} has the id that model.vocab gives to '{JsonFields.Cut(other)}'"
                );
            if (vocabulary.TryGetValue(token.Content, out int id) && id != token.Id)
                throw new TokenizerException(
                    $"{path}: {shown} has the id {id} in model.vocab; it must be the same in both"
                );
            tokens.Add(token);
        }
        return tokens;
    }

    private static AddedToken ReadAddedToken(JsonElement entry, string path)
    {
        string content = JsonFields.GetString(entry, "content", path);
        if (content.Length is 0 or > MaxAddedTokenLength)
            throw new TokenizerException(
                $"{path}.content: has {content.Length} characters, must have from 1 to {MaxAddedTokenLength}"
            );
        foreach (string name in (string[])["lstrip", "rstrip", "single_word"])
        {
            if (JsonFields.GetFlag(entry, name, path))
                throw new TokenizerException($"{path}.{name}: true is not supported ('{content}')");
        }
        JsonElement id = JsonFields.Get(entry, "id", JsonValueKind.Number, path);
        return new AddedToken(
            JsonFields.GetId(id, $"{path}.id"),
            content,
            JsonFields.GetFlag(entry, "special", path)
        );
    }
}
