using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;
using Hadal.Json;

namespace Hadal.Tokenization;

/// <summary>
/// Reads the <c>tiktoken.model</c> of Moonlight and Kimi K2: a line a token, in the order of their ids, of its bytes in
/// base64 and its id, which is the rank of the merges that make it. Special tokens are in
/// <c>tokenizer_config.json</c>, and the pattern is in Python code.
/// </summary>
internal static class TiktokenFile
{
    public const string File = "tiktoken.model";

    // Bound what a hostile file can make us allocate and look up.
    private const int MaxTokenLength = 512;
    private const int MaxMerges = 1 << 22;

    // The square of the tokens' lengths, in sum: what finding their merges takes. Published files have a thousandth of it.
    private const long MaxSquares = 1L << 30;

    /// <param name="ranks">The content of <c>tiktoken.model</c>.</param>
    /// <param name="config">The content of <c>tokenizer_config.json</c>.</param>
    /// <exception cref="TokenizerException">A file is broken, or of another tokenizer than those two models'.</exception>
    public static TokenizerFile Parse(ReadOnlyMemory<byte> ranks, ReadOnlyMemory<byte> config)
    {
        using JsonDocument document = TokenizerJson.Parse(config, TokenizerConfig.File);
        JsonFields root = TokenizerJson.Fields(document.RootElement, TokenizerConfig.File);
        CheckClass(root);
        Dictionary<string, int> vocabulary = ReadRanks(ranks.Span);
        return new TokenizerFile
        {
            Vocabulary = vocabulary,
            Merges = MergesOf(vocabulary),
            IgnoreMerges = true,
            AddedTokens = ReadAddedTokens(root, vocabulary.Count),
            PreTokenizer = new SplitPreTokenizer([MoonshotPattern.Pattern], knowsHan: true),
            PostProcessor = new PostProcessor([], []),
            IsSliced = true,
        };
    }

    /// <summary>Only the class tells which pattern is meant.</summary>
    private static void CheckClass(JsonFields root)
    {
        string name = "";
        if (
            root.OptionalObject("auto_map") is { } map
            && map.Optional("AutoTokenizer") is { } value
        )
        {
            bool isPair = value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0;
            name = map.Text(isPair ? value[0] : value, $"{map.Path}.AutoTokenizer");
        }
        // A class of another repository is written repository--module.class.
        if (
            name.Split("--")[^1]
            is not (
                "tokenization_kimi.TikTokenTokenizer"
                or "tokenization_moonshot.TikTokenTokenizer"
            )
        )
            throw new TokenizerException(
                $"{File}: how text is cut into words is not in it but in Python code, and {TokenizerConfig.File}.auto_map.AutoTokenizer is '{QuotedText.Shorten(name)}'; TikTokenTokenizer of tokenization_kimi (Kimi K2) and of tokenization_moonshot (Moonlight) are supported. Take the tokenizer_config.json that the model was published with, or put a tokenizer.json there"
            );
    }

    private static Dictionary<string, int> ReadRanks(ReadOnlySpan<byte> content)
    {
        var vocabulary = new Dictionary<string, int>();
        Span<byte> bytes = stackalloc byte[MaxTokenLength];
        int number = 0;
        foreach (Range range in content.Split((byte)'\n'))
        {
            number++;
            ReadOnlySpan<byte> line = content[range].TrimEnd((byte)'\r');
            if (line.IsEmpty)
                continue;
            int space = line.IndexOf((byte)' ');
            if (
                space <= 0
                || Base64.DecodeFromUtf8(line[..space], bytes, out _, out int length)
                    != OperationStatus.Done
                || length == 0
                || !Utf8Parser.TryParse(line[(space + 1)..], out int rank, out int used)
                || used != line.Length - space - 1
            )
                throw new TokenizerException(
                    $"{File}, line {number}: must be a token of 1 to {MaxTokenLength} bytes in base64, a space and its rank"
                );
            if (rank != vocabulary.Count || rank >= TokenizerFile.MaxVocabularySize)
                throw new TokenizerException(
                    $"{File}, line {number}: the rank is {rank}, must be {vocabulary.Count}: ranks count up from 0, to {TokenizerFile.MaxVocabularySize - 1} at most"
                );
            if (!vocabulary.TryAdd(Letters(bytes[..length]), rank))
                throw new TokenizerException($"{File}, line {number}: the token occurs twice");
        }
        for (int b = 0; b < 256; b++)
        {
            if (!vocabulary.ContainsKey(Letters([(byte)b])))
                throw new TokenizerException(
                    $"{File}: has no token for the byte 0x{b:X2}; it must have one for each of the 256 bytes"
                );
        }
        return vocabulary;
    }

    private static string Letters(ReadOnlySpan<byte> bytes)
    {
        Span<char> letters = stackalloc char[bytes.Length];
        for (int i = 0; i < bytes.Length; i++)
            letters[i] = ByteAlphabet.Of(bytes[i]);
        return new string(letters);
    }

    /// <summary>Any two tokens whose joining is a token merge into it, and its rank is the merge's.</summary>
    private static Dictionary<(int Left, int Right), (int Rank, int Id)> MergesOf(
        Dictionary<string, int> vocabulary
    )
    {
        var merges = new Dictionary<(int Left, int Right), (int Rank, int Id)>();
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> ids =
            vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        long squares = 0;
        foreach ((string token, int id) in vocabulary)
        {
            squares += (long)token.Length * token.Length;
            if (squares > MaxSquares)
                throw new TokenizerException(
                    $"{File}: its tokens are too long: the squares of their lengths are more than {MaxSquares} in sum"
                );
            for (int cut = 1; cut < token.Length; cut++)
            {
                if (
                    ids.TryGetValue(token.AsSpan(0, cut), out int left)
                    && ids.TryGetValue(token.AsSpan(cut), out int right)
                )
                    merges.Add((left, right), (id, id));
            }
            if (merges.Count > MaxMerges)
                throw new TokenizerException(
                    $"{File}: more than {MaxMerges} pairs of tokens join to a token"
                );
        }
        return merges;
    }

    private static List<AddedToken> ReadAddedTokens(JsonFields root, int firstId)
    {
        JsonFields entries = root.Object("added_tokens_decoder");
        var reader = new AddedTokenReader(entries.Path, entries.Count);
        foreach ((string name, JsonElement value) in entries.Members)
        {
            string path = $"{entries.Path}['{QuotedText.Shorten(name)}']";
            if (
                !int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                || id < firstId
                || id >= TokenizerFile.MaxVocabularySize
            )
                throw new TokenizerException(
                    $"{path}: must be an id from {firstId}, the number of tokens in {File}, to {TokenizerFile.MaxVocabularySize - 1}"
                );
            reader.Add(TokenizerJson.Fields(value, path), id);
        }
        return reader.Tokens;
    }
}
