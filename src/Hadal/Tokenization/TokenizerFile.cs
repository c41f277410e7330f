using System.Text.Json;
using Hadal.Json;

namespace Hadal.Tokenization;

/// <summary>
/// What a byte-level BPE tokenizer needs of a Hugging Face <c>tokenizer.json</c>, or of what stands in its place
/// (<see cref="TiktokenFile"/>). Whatever would change the ids and is not supported is refused by name.
/// </summary>
internal sealed class TokenizerFile
{
    /// <summary>Bounds the tables that a hostile file can make us allocate.</summary>
    public const int MaxVocabularySize = 1 << 22;

    public const string File = "tokenizer.json";

    public required Dictionary<string, int> Vocabulary { get; init; }

    /// <summary>The rank of each pair of ids that merges, and the id that it becomes.</summary>
    public required Dictionary<(int Left, int Right), (int Rank, int Id)> Merges { get; init; }

    /// <summary>Whether a word that is a token of the vocabulary is that token, whatever the merges say.</summary>
    public required bool IgnoreMerges { get; init; }

    public required List<AddedToken> AddedTokens { get; init; }

    public required SplitPreTokenizer PreTokenizer { get; init; }

    public required PostProcessor PostProcessor { get; init; }

    /// <summary>Whether a text is encoded in the slices of <see cref="TiktokenSlices"/>.</summary>
    public bool IsSliced { get; init; }

    public static TokenizerFile Parse(ReadOnlyMemory<byte> json)
    {
        using JsonDocument document = TokenizerJson.Parse(json, File);
        JsonFields root = TokenizerJson.Fields(document.RootElement, File);
        CheckNormalizer(root);
        CheckDecoder(root);
        JsonFields model = root.Object("model");
        CheckModel(model);
        Dictionary<string, int> vocabulary = ReadVocabulary(model);
        List<AddedToken> added = ReadAddedTokens(root, vocabulary);
        return new TokenizerFile
        {
            Vocabulary = vocabulary,
            Merges = ReadMerges(model, vocabulary),
            IgnoreMerges = model.IsTrue("ignore_merges"),
            AddedTokens = added,
            PreTokenizer = PreTokenizerFields.Read(root),
            PostProcessor = PostProcessor.Read(root, added),
        };
    }

    private static void CheckNormalizer(JsonFields root)
    {
        if (root.OptionalObject("normalizer") is not { } normalizer)
            return;
        string type = normalizer.Text("type");
        if (type != "Sequence" || normalizer.Array("normalizers").GetArrayLength() != 0)
            throw new TokenizerException(
                $"{normalizer.Path}: '{QuotedText.Shorten(type)}' is not supported; it must be null or an empty Sequence"
            );
    }

    private static void CheckDecoder(JsonFields root)
    {
        string type = root.Object("decoder").Text("type");
        if (type != "ByteLevel")
            throw new TokenizerException(
                $"{File}.decoder: '{QuotedText.Shorten(type)}' is not supported; it must be ByteLevel"
            );
    }

    private static void CheckModel(JsonFields model)
    {
        string type = model.Text("type");
        if (type != "BPE")
            throw new TokenizerException(
                $"{model.Path}.type: '{QuotedText.Shorten(type)}' is not supported; it must be BPE"
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
                model.Optional(name) is { ValueKind: not JsonValueKind.False } value
                && !(value.ValueKind == JsonValueKind.String && value.ValueEquals(""))
            )
                throw new TokenizerException(
                    $"{model.Path}.{name}: {QuotedText.Shorten(value.GetRawText())} is not supported; it must be absent, null or false"
                );
        }
    }

    private static Dictionary<string, int> ReadVocabulary(JsonFields model)
    {
        JsonFields entries = model.Object("vocab");
        string path = entries.Path;
        var vocabulary = new Dictionary<string, int>(entries.Count);
        var ids = new HashSet<int>(entries.Count);
        foreach ((string token, JsonElement value) in entries.Members)
        {
            if (!TokenizerJson.TryGetId(value, out int id))
                throw TokenizerJson.BadId(value, $"{path}['{QuotedText.Shorten(token)}']");
            if (!vocabulary.TryAdd(token, id))
                throw new TokenizerException(
                    $"{path}: the token '{QuotedText.Shorten(token)}' occurs twice"
                );
            if (!ids.Add(id))
                throw new TokenizerException(
                    $"{path}['{QuotedText.Shorten(token)}']: the id {id} belongs to two tokens"
                );
        }
        return vocabulary;
    }

    /// <summary>Each merge is "left right", or since tokenizers 0.20 a pair; of two of the same pair the last holds.</summary>
    private static Dictionary<(int Left, int Right), (int Rank, int Id)> ReadMerges(
        JsonFields model,
        Dictionary<string, int> vocabulary
    )
    {
        const string path = $"{File}.model.merges";
        JsonElement array = model.Array("merges");
        var merges = new Dictionary<(int Left, int Right), (int Rank, int Id)>(
            array.GetArrayLength()
        );
        int rank = 0;
        foreach (JsonElement entry in array.EnumerateArray())
        {
            string[] pair =
                entry.ValueKind == JsonValueKind.Array
                    ? [.. entry.EnumerateArray().Select(e => model.Text(e, $"{path}[{rank}]"))]
                    : model.Text(entry, $"{path}[{rank}]").Split(' ');
            if (
                pair.Length != 2
                || !vocabulary.TryGetValue(pair[0], out int left)
                || !vocabulary.TryGetValue(pair[1], out int right)
                || !vocabulary.TryGetValue(pair[0] + pair[1], out int id)
            )
                throw new TokenizerException(
                    $"{path}[{rank}]: '{QuotedText.Shorten(string.Join(' ', pair))}' must be two tokens of the vocabulary whose joining is one too"
                );
            merges[(left, right)] = (rank++, id);
        }
        return merges;
    }

    private static List<AddedToken> ReadAddedTokens(
        JsonFields root,
        Dictionary<string, int> vocabulary
    )
    {
        JsonElement array = root.Array("added_tokens");
        var reader = new AddedTokenReader($"{File}.added_tokens", array.GetArrayLength());
        Dictionary<int, string> byId = vocabulary.ToDictionary(e => e.Value, e => e.Key);
        foreach (JsonElement element in array.EnumerateArray())
        {
            string path = $"{File}.added_tokens[{reader.Tokens.Count}]";
            JsonFields entry = TokenizerJson.Fields(element, path);
            AddedToken token = reader.Add(
                entry,
                TokenizerJson.GetId(entry.Get("id"), $"{path}.id")
            );
            string shown = $"'{QuotedText.Shorten(token.Content)}' (id {token.Id})";
            if (byId.TryGetValue(token.Id, out string? other) && other != token.Content)
                throw new TokenizerException(
                    $"{path}: {shown} has the id that model.vocab gives to '{QuotedText.Shorten(other)}'"
                );
            if (vocabulary.TryGetValue(token.Content, out int id) && id != token.Id)
                throw new TokenizerException(
                    $"{path}: {shown} has the id {id} in model.vocab; it must be the same in both"
                );
        }
        return reader.Tokens;
    }
}
