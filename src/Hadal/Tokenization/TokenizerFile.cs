using System.Text.Json;
using System.Text.RegularExpressions;

namespace Hadal.Tokenization;

/// <summary>
/// The parts of a Hugging Face <c>tokenizer.json</c> that a byte-level BPE tokenizer needs. Whatever would change the
/// ids and is not supported is refused by name.
/// </summary>
internal sealed class TokenizerFile
{
    /// <summary>Bounds the tables that a hostile file can make us allocate.</summary>
    public const int MaxVocabularySize = 1 << 22;

    private const string File = "tokenizer.json";
    private static readonly TimeSpan MatchTimeout = TimeSpan.FromSeconds(10);

    public required Dictionary<string, int> Vocabulary { get; init; }
    public required List<string> Merges { get; init; }
    public required List<AddedToken> AddedTokens { get; init; }

    /// <summary>The Split stages in order; each cuts the pieces of the one before.</summary>
    public required List<Regex> Splits { get; init; }

    public static TokenizerFile Parse(ReadOnlyMemory<byte> json)
    {
        using JsonDocument document = JsonFields.Parse(json, File);
        JsonElement root = JsonFields.Require(document.RootElement, JsonValueKind.Object, File);
        CheckNormalizer(root);
        CheckByteLevel(root, "decoder", required: true);
        CheckByteLevel(root, "post_processor", required: false);
        JsonElement model = JsonFields.Get(root, "model", JsonValueKind.Object, File);
        CheckModel(model);
        Dictionary<string, int> vocabulary = ReadVocabulary(model);
        return new TokenizerFile
        {
            Vocabulary = vocabulary,
            Merges = ReadMerges(model, vocabulary),
            AddedTokens = ReadAddedTokens(root),
            Splits = ReadSplits(root),
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
                $"{path}: '{type}' is not supported; it must be null or an empty Sequence"
            );
    }

    private static void CheckByteLevel(JsonElement root, string name, bool required)
    {
        if (!required && JsonFields.GetOptional(root, name, File) is null)
            return;
        JsonElement part = JsonFields.Get(root, name, JsonValueKind.Object, File);
        string type = JsonFields.GetString(part, "type", $"{File}.{name}");
        if (type != "ByteLevel")
            throw new TokenizerException(
                $"{File}.{name}: '{type}' is not supported; it must be ByteLevel"
            );
    }

    private static void CheckModel(JsonElement model)
    {
        const string path = $"{File}.model";
        string type = JsonFields.GetString(model, "type", path);
        if (type != "BPE")
            throw new TokenizerException($"{path}.type: '{type}' is not supported; it must be BPE");
        string[] mustBeOff =
        [
            "dropout",
            "unk_token",
            "continuing_subword_prefix",
            "end_of_word_suffix",
            "byte_fallback",
            "ignore_merges",
        ];
        foreach (string name in mustBeOff)
        {
            if (
                JsonFields.GetOptional(model, name, path)
                    is { ValueKind: not JsonValueKind.False } value
                && !(value.ValueKind == JsonValueKind.String && value.ValueEquals(""))
            )
                throw new TokenizerException(
                    $"{path}.{name}: {value.GetRawText()} is not supported; it must be absent, null or false"
                );
        }
    }

    private static Dictionary<string, int> ReadVocabulary(JsonElement model)
    {
        const string path = $"{File}.model.vocab";
        var vocabulary = new Dictionary<string, int>();
        var ids = new HashSet<int>();
        foreach (
            JsonProperty entry in JsonFields
                .Get(model, "vocab", JsonValueKind.Object, $"{File}.model")
                .EnumerateObject()
        )
        {
            string token = JsonFields.Name(entry, path);
            int id = JsonFields.GetId(entry.Value, $"{path}['{token}']");
            if (!vocabulary.TryAdd(token, id))
                throw new TokenizerException($"{path}: the token '{token}' occurs twice");
            if (!ids.Add(id))
                throw new TokenizerException(
                    $"{path}['{token}']: the id {id} belongs to two tokens"
                );
        }
        return vocabulary;
    }

    /// <summary>Each merge as "left right"; the file holds that, or since tokenizers 0.20 a pair.</summary>
    private static List<string> ReadMerges(JsonElement model, Dictionary<string, int> vocabulary)
    {
        const string path = $"{File}.model.merges";
        JsonElement array = JsonFields.Get(model, "merges", JsonValueKind.Array, $"{File}.model");
        var merges = new List<string>(array.GetArrayLength());
        foreach (JsonElement entry in array.EnumerateArray())
        {
            string at = $"{path}[{merges.Count}]";
            string merge =
                entry.ValueKind == JsonValueKind.Array
                    ? string.Join(' ', entry.EnumerateArray().Select(e => JsonFields.Text(e, at)))
                    : JsonFields.Text(entry, at);
            string[] pair = merge.Split(' ');
            if (
                pair.Length != 2
                || !vocabulary.ContainsKey(pair[0])
                || !vocabulary.ContainsKey(pair[1])
                || !vocabulary.ContainsKey(pair[0] + pair[1])
            )
                throw new TokenizerException(
                    $"{at}: '{merge}' must be two tokens of the vocabulary whose joining is one too"
                );
            merges.Add(merge);
        }
        return merges;
    }

    private static List<AddedToken> ReadAddedTokens(JsonElement root)
    {
        JsonElement array = JsonFields.Get(root, "added_tokens", JsonValueKind.Array, File);
        var tokens = new List<AddedToken>(array.GetArrayLength());
        var contents = new HashSet<string>();
        var ids = new HashSet<int>();
        foreach (JsonElement entry in array.EnumerateArray())
        {
            string path = $"{File}.added_tokens[{tokens.Count}]";
            string content = JsonFields.GetString(entry, "content", path);
            if (content.Length == 0)
                throw new TokenizerException($"{path}.content: must not be empty");
            foreach (string name in (string[])["lstrip", "rstrip", "single_word"])
            {
                if (JsonFields.GetFlag(entry, name, path))
                    throw new TokenizerException(
                        $"{path}.{name}: true is not supported ('{content}')"
                    );
            }
            int id = JsonFields.GetId(
                JsonFields.Get(entry, "id", JsonValueKind.Number, path),
                $"{path}.id"
            );
            if (!contents.Add(content) || !ids.Add(id))
                throw new TokenizerException($"{path}: '{content}' (id {id}) occurs twice");
            tokens.Add(new AddedToken(id, content, JsonFields.GetFlag(entry, "special", path)));
        }
        return tokens;
    }

    private static List<Regex> ReadSplits(JsonElement root)
    {
        const string path = $"{File}.pre_tokenizer";
        JsonElement sequence = JsonFields.Get(root, "pre_tokenizer", JsonValueKind.Object, File);
        string type = JsonFields.GetString(sequence, "type", path);
        if (type != "Sequence")
            throw new TokenizerException(
                $"{path}.type: '{type}' is not supported; it must be a Sequence of Split stages that ends with ByteLevel"
            );
        JsonElement stages = JsonFields.Get(sequence, "pretokenizers", JsonValueKind.Array, path);
        var splits = new List<Regex>();
        int index = 0;
        int last = stages.GetArrayLength() - 1;
        foreach (JsonElement stage in stages.EnumerateArray())
        {
            string at = $"{path}.pretokenizers[{index}]";
            string stageType = JsonFields.GetString(stage, "type", at);
            bool mustBeByteLevel = index == last;
            if (stageType != (mustBeByteLevel ? "ByteLevel" : "Split"))
                throw new TokenizerException(
                    $"{at}.type: '{stageType}' is not supported here; it must be {(mustBeByteLevel ? "ByteLevel" : "Split")}"
                );
            if (mustBeByteLevel)
                CheckByteLevelStage(stage, at);
            else
                splits.Add(ReadSplit(stage, at));
            index++;
        }
        if (splits.Count == 0)
            throw new TokenizerException($"{path}.pretokenizers: must hold a Split stage");
        return splits;
    }

    private static void CheckByteLevelStage(JsonElement stage, string path)
    {
        foreach (string name in (string[])["add_prefix_space", "use_regex"])
        {
            // The format's default for both is true, so an absent field is refused like a true one.
            if (JsonFields.GetOptional(stage, name, path)?.ValueKind != JsonValueKind.False)
                throw new TokenizerException($"{path}.{name}: must be false");
        }
    }

    private static Regex ReadSplit(JsonElement stage, string path)
    {
        string behavior = JsonFields.GetString(stage, "behavior", path);
        if (behavior != "Isolated" || JsonFields.GetFlag(stage, "invert", path))
            throw new TokenizerException(
                $"{path}: behavior '{behavior}' must be Isolated, and invert false"
            );
        JsonElement pattern = JsonFields.Get(stage, "pattern", JsonValueKind.Object, path);
        string regex = JsonFields.GetString(pattern, "Regex", $"{path}.pattern");
        if (regex.Any(char.IsSurrogate))
            throw new TokenizerException(
                $"{path}.pattern.Regex: characters beyond U+FFFF are not supported in a pattern"
            );
        try
        {
            return new Regex(regex, RegexOptions.CultureInvariant, MatchTimeout);
        }
        catch (ArgumentException e)
        {
            throw new TokenizerException($"{path}.pattern.Regex: {e.Message}", e);
        }
    }
}
