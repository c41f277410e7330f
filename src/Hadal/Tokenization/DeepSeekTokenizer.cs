using System.Collections;
using System.Collections.Immutable;
using System.Text;
using CommunityToolkit.HighPerformance.Buffers;

namespace Hadal.Tokenization;

/// <summary>
/// The byte-level BPE of DeepSeek's models and those of their kind, read from the <c>tokenizer.json</c>, or the
/// <c>tiktoken.model</c> of Moonlight and Kimi K2, and <c>tokenizer_config.json</c> of a checkpoint. Any text becomes ids and back without loss; unpaired surrogates, which are no text, become U+FFFD.
/// Thread-safe.
/// </summary>
public sealed class DeepSeekTokenizer
{
    private readonly SplitPreTokenizer _preTokenizer;
    private readonly BytePairTable _pairs;
    private readonly AddedTokenMatcher _added;
    private readonly TokenBytes _bytes;
    private readonly BitArray _special;
    private readonly BitArray _isAdded;
    private readonly bool _isSliced;
    private readonly ImmutableArray<int> _before;
    private readonly ImmutableArray<int> _after;

    private DeepSeekTokenizer(TokenizerFile file, TokenizerConfig config)
    {
        _preTokenizer = file.PreTokenizer;
        _pairs = new BytePairTable(file);
        _bytes = new TokenBytes(file);
        _added = new AddedTokenMatcher(file.AddedTokens);
        _special = new BitArray(_bytes.Count);
        _isAdded = new BitArray(_bytes.Count);
        foreach (AddedToken token in file.AddedTokens)
        {
            _special[token.Id] = token.IsSpecial;
            _isAdded[token.Id] = true;
        }
        _isSliced = file.IsSliced;
        BosId = config.Bos is { } bos ? RequireToken(bos, "bos_token") : null;
        EosId = RequireToken(config.Eos, "eos_token");
        _before = Around(config.AddBos, BosId, "bos_token", file.PostProcessor.Before);
        _after = Around(config.AddEos, EosId, "eos_token", file.PostProcessor.After);
        ChatTemplateText = config.ChatTemplate;

        // Hugging Face's class for DeepSeek makes the template from these flags, where they are given.
        static ImmutableArray<int> Around(
            bool? add,
            int? id,
            string name,
            ImmutableArray<int> template
        ) =>
            add switch
            {
                true =>
                [
                    id
                        ?? throw new TokenizerException(
                            $"{TokenizerConfig.File}.add_{name}: is true, but there is no {name}"
                        ),
                ],
                false => [],
                null => template,
            };
    }

    /// <summary>
    /// The id of the token that begins a sequence; null where <c>tokenizer_config.json</c> names none, as those of GLM's
    /// models.
    /// </summary>
    public int? BosId { get; }

    /// <summary>The id of the token that ends a sequence.</summary>
    public int EosId { get; }

    /// <summary>One more than the greatest id. A model may have more rows than this, as padding.</summary>
    public int VocabularySize => _bytes.Count;

    /// <summary>
    /// The Jinja chat template: <c>chat_template.jinja</c>, or else the one of <c>tokenizer_config.json</c>, of several
    /// the one named default; null where there is none.
    /// </summary>
    public string? ChatTemplateText { get; private init; }

    /// <summary>The checkpoint's folder; null where the tokenizer was built by <see cref="Parse"/>.</summary>
    public string? Folder { get; private init; }

    /// <summary>
    /// Reads <c>tokenizer.json</c>, or where there is none <c>tiktoken.model</c>, <c>tokenizer_config.json</c> and, where
    /// there is one, <c>chat_template.jinja</c> from a checkpoint's folder.
    /// </summary>
    /// <param name="directory">The folder that holds the files.</param>
    /// <exception cref="TokenizerException">A file is missing, broken, or needs what is not supported.</exception>
    public static DeepSeekTokenizer Load(string directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        var folder = new TokenizerFolder(directory);
        TokenizerFile file = folder.ReadTokenizer();
        TokenizerConfig config = TokenizerConfig.Parse(folder.ReadConfig());
        return new DeepSeekTokenizer(file, config)
        {
            ChatTemplateText = folder.ReadTemplate() ?? config.ChatTemplate,
            Folder = directory,
        };
    }

    /// <summary>Builds the tokenizer from the contents of the two files, UTF-8.</summary>
    /// <param name="tokenizerJson">The content of <c>tokenizer.json</c>.</param>
    /// <param name="configJson">The content of <c>tokenizer_config.json</c>.</param>
    /// <exception cref="TokenizerException">A file is broken, or needs what is not supported.</exception>
    public static DeepSeekTokenizer Parse(
        ReadOnlyMemory<byte> tokenizerJson,
        ReadOnlyMemory<byte> configJson
    ) => new(TokenizerFile.Parse(tokenizerJson), TokenizerConfig.Parse(configJson));

    /// <summary>The ids of a text, in time that grows as n log n.</summary>
    /// <param name="text">The text.</param>
    /// <param name="addSpecialTokens">
    /// Whether to add BOS before and EOS after, each where <c>tokenizer_config.json</c> says so; where that says nothing,
    /// what the <c>post_processor</c> of <c>tokenizer.json</c> adds.
    /// </param>
    /// <param name="parseSpecialTokens">
    /// Whether text such as <c>&lt;｜User｜&gt;</c> becomes that token. Leave it false for text from a user, who could
    /// otherwise forge a turn.
    /// </param>
    /// <param name="cancellationToken">Looked at between words, and within long ones.</param>
    /// <exception cref="TokenizerException">The patterns of the file took too long on this text.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public int[] Encode(
        string text,
        bool addSpecialTokens = true,
        bool parseSpecialTokens = false,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(text);
        cancellationToken.ThrowIfCancellationRequested();
        var budget = new PatternBudget(PatternBudget.For(text), cancellationToken);
        var merger = new BytePairMerger(_pairs, cancellationToken);
        var ids = new List<int>(text.Length / 3 + 2);
        if (addSpecialTokens)
            ids.AddRange(_before);
        foreach (Range slice in _isSliced ? TiktokenSlices.Of(text) : [Range.All])
            AppendSlice(text.AsSpan()[slice]);
        if (addSpecialTokens)
            ids.AddRange(_after);
        return [.. ids];

        void AppendSlice(ReadOnlySpan<char> rest)
        {
            while (
                parseSpecialTokens && _added.TryFindFirst(rest, out int index, out AddedToken token)
            )
            {
                AppendText(rest[..index]);
                ids.Add(token.Id);
                rest = rest[(index + token.Content.Length)..];
            }
            AppendText(rest);
        }

        void AppendText(ReadOnlySpan<char> part)
        {
            foreach ((int offset, int length) in _preTokenizer.Split(part, budget))
                merger.Append(part.Slice(offset, length), ids);
        }
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

    /// <summary>Whether the token is an added one, which is matched in the text before BPE: a mark, most often.</summary>
    internal bool IsAdded(int id) => (uint)id < (uint)_isAdded.Length && _isAdded[id];

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

    /// <summary>Checks that a model has a row for each token of this tokenizer.</summary>
    /// <param name="modelVocabularySize">The model's <c>vocab_size</c>: rows of its embedding.</param>
    /// <exception cref="TokenizerException">It has fewer than <see cref="VocabularySize"/>.</exception>
    public void RequireFits(int modelVocabularySize)
    {
        if (VocabularySize > modelVocabularySize)
            throw new TokenizerException(
                $"The tokenizer has ids up to {VocabularySize - 1}, but the model has only {modelVocabularySize} rows (vocab_size of config.json); take the tokenizer that the model was published with"
            );
    }

    private int RequireToken(string content, string field) =>
        _added.Find(content)?.Id
        ?? throw new TokenizerException(
            $"tokenizer_config.json.{field}: '{QuotedText.Shorten(content)}' is not among the added tokens: added_tokens of tokenizer.json, or beside tiktoken.model added_tokens_decoder of tokenizer_config.json"
        );
}
