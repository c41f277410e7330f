using System.Collections;
using System.Text;
using System.Text.RegularExpressions;
using CommunityToolkit.HighPerformance.Buffers;
using Microsoft.ML.Tokenizers;

namespace Hadal.Tokenization;

/// <summary>
/// DeepSeek's byte-level BPE, read from the <c>tokenizer.json</c> and <c>tokenizer_config.json</c> of a Hugging Face
/// checkpoint. Any text becomes ids and back without loss; unpaired surrogates, which are no text, become U+FFFD.
/// Thread-safe.
/// </summary>
public sealed class DeepSeekTokenizer
{
    private readonly BpeTokenizer _bpe;
    private readonly AddedTokenMatcher _added;
    private readonly TokenBytes _bytes;
    private readonly BitArray _special;
    private readonly TokenizerConfig _config;

    private DeepSeekTokenizer(TokenizerFile file, TokenizerConfig config)
    {
        _config = config;
        _bytes = new TokenBytes(file);
        _added = new AddedTokenMatcher(file.AddedTokens);
        _special = new BitArray(_bytes.Count);
        foreach (AddedToken token in file.AddedTokens)
            _special[token.Id] = token.IsSpecial;
        BosId = RequireToken(config.Bos, "bos_token");
        EosId = RequireToken(config.Eos, "eos_token");
        // Without a pre-tokenizer of its own BpeTokenizer would cut at white space and drop it.
        var options = new BpeOptions(file.Vocabulary)
        {
            Merges = file.Merges,
            ByteLevel = true,
            PreTokenizer = new SplitPreTokenizer(file.Splits),
        };
        try
        {
            _bpe = BpeTokenizer.Create(options);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            throw new TokenizerException($"tokenizer.json.model: {e.Message}", e);
        }
    }

    /// <summary>The id of the token that begins a sequence.</summary>
    public int BosId { get; }

    /// <summary>The id of the token that ends a sequence.</summary>
    public int EosId { get; }

    /// <summary>One more than the greatest id. A model may have more rows than this, as padding.</summary>
    public int VocabularySize => _bytes.Count;

    /// <summary>The Jinja chat template of <c>tokenizer_config.json</c>, or null where there is none.</summary>
    public string? ChatTemplateText => _config.ChatTemplate;

    /// <summary>Reads <c>tokenizer.json</c> and <c>tokenizer_config.json</c> from a checkpoint's folder.</summary>
    /// <param name="directory">The folder that holds both files.</param>
    /// <exception cref="TokenizerException">A file is missing, broken, or needs what is not supported.</exception>
    public static DeepSeekTokenizer Load(string directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        return Parse(Read("tokenizer.json"), Read("tokenizer_config.json"));

        byte[] Read(string name)
        {
            try
            {
                return File.ReadAllBytes(Path.Combine(directory, name));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new TokenizerException($"{name}: cannot be read: {e.Message}", e);
            }
        }
    }

    /// <summary>Builds the tokenizer from the contents of the two files, UTF-8.</summary>
    /// <param name="tokenizerJson">The content of <c>tokenizer.json</c>.</param>
    /// <param name="configJson">The content of <c>tokenizer_config.json</c>.</param>
    /// <exception cref="TokenizerException">A file is broken, or needs what is not supported.</exception>
    public static DeepSeekTokenizer Parse(
        ReadOnlyMemory<byte> tokenizerJson,
        ReadOnlyMemory<byte> configJson
    ) => new(TokenizerFile.Parse(tokenizerJson), TokenizerConfig.Parse(configJson));

    /// <summary>The ids of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="addSpecialTokens">
    /// Whether to add BOS before and EOS after, each where <c>tokenizer_config.json</c> says so.
    /// </param>
    /// <param name="parseSpecialTokens">
    /// Whether text such as <c>&lt;｜User｜&gt;</c> becomes that token. Leave it false for text from a user, who could
    /// otherwise forge a turn.
    /// </param>
    /// <exception cref="TokenizerException">A pattern of the file took too long on this text.</exception>
    public int[] Encode(string text, bool addSpecialTokens = true, bool parseSpecialTokens = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>(text.Length / 3 + 2);
        if (addSpecialTokens && _config.AddBos)
            ids.Add(BosId);
        ReadOnlySpan<char> rest = text;
        while (parseSpecialTokens && _added.TryFindFirst(rest, out int index, out AddedToken token))
        {
            AppendText(rest[..index], ids);
            ids.Add(token.Id);
            rest = rest[(index + token.Content.Length)..];
        }
        AppendText(rest, ids);
        if (addSpecialTokens && _config.AddEos)
            ids.Add(EosId);
        return [.. ids];
    }

    /// <summary>The text of the ids; bytes that are not UTF-8 become U+FFFD.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecialTokens">Whether to leave out the tokens for which <see cref="IsSpecial"/> holds.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is negative.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false)
    {
        using var bytes = new ArrayPoolBufferWriter<byte>();
        foreach (int id in ids)
        {
            if (skipSpecialTokens && IsSpecial(id))
                continue;
            ReadOnlySpan<byte> token = GetBytes(id);
            token.CopyTo(bytes.GetSpan(token.Length));
            bytes.Advance(token.Length);
        }
        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <summary>
    /// The bytes of a token, which may be part of a character; the UTF-8 of its text for a special token; nothing for
    /// an id beyond <see cref="VocabularySize"/>, a padding row of the model.
    /// </summary>
    /// <param name="id">A token id.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is negative.</exception>
    public ReadOnlySpan<byte> GetBytes(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        return id < _bytes.Count ? _bytes[id] : [];
    }

    /// <summary>Whether the file marks the token as special, such as BOS and EOS. <c>&lt;think&gt;</c> is not.</summary>
    /// <param name="id">A token id.</param>
    public bool IsSpecial(int id) => (uint)id < (uint)_special.Length && _special[id];

    /// <summary>The id of an added token, such as <c>&lt;｜User｜&gt;</c>, by its text.</summary>
    /// <param name="content">The token's text.</param>
    /// <param name="id">Its id, or 0.</param>
    /// <returns>Whether the tokenizer has that token.</returns>
    public bool TryGetAddedToken(string content, out int id)
    {
        ArgumentNullException.ThrowIfNull(content);
        AddedToken? token = _added.Find(content);
        id = token?.Id ?? 0;
        return token is not null;
    }

    private void AppendText(ReadOnlySpan<char> text, List<int> ids)
    {
        if (text.IsEmpty)
            return;
        try
        {
            // The detour over UTF-8 turns unpaired surrogates into U+FFFD.
            ids.AddRange(
                text.ContainsAnyInRange('\uD800', '\uDFFF')
                    ? _bpe.EncodeToIds(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes([.. text])))
                    : _bpe.EncodeToIds(text)
            );
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new TokenizerException(
                $"tokenizer.json.pre_tokenizer: the pattern '{e.Pattern}' took more than {e.MatchTimeout.TotalSeconds} s on a text of {text.Length} characters",
                e
            );
        }
    }

    private int RequireToken(string content, string field) =>
        _added.Find(content)?.Id
        ?? throw new TokenizerException(
            $"tokenizer_config.json.{field}: '{content}' is not among the added_tokens of tokenizer.json"
        );
}
