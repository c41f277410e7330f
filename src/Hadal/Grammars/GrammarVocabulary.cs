using System.Runtime.CompilerServices;
using Hadal.Tokenization;

namespace Hadal.Grammars;

/// <summary>
/// The tokens of a tokenizer as grammars see them: a trie of the bytes of ordinary tokens, and the added tokens by their text,
/// which come only where a grammar names them. Immutable, thread-safe.
/// </summary>
public sealed class GrammarVocabulary
{
    /// <summary>Longer tokens, of which no tokenizer here has one, are never allowed.</summary>
    internal const int MaxTokenBytes = 900;

    /// <summary>The byte that the marks of chat formats begin with.</summary>
    internal const byte TriggerByte = (byte)'<';

    private static readonly ConditionalWeakTable<DeepSeekTokenizer, GrammarVocabulary> s_kept = [];

    private readonly DeepSeekTokenizer _tokenizer;

    private GrammarVocabulary(DeepSeekTokenizer tokenizer)
    {
        _tokenizer = tokenizer;
        Size = tokenizer.VocabularySize;
        var ids = new Dictionary<byte[], int>(Size, new ByteStringComparer());
        var twins = new List<(int, int)>();
        var withTrigger = new List<(byte[], int)>();
        WithoutTrigger = new ulong[Words];
        MaxTokenChars = 1;
        for (int id = 0; id < Size; id++)
        {
            ReadOnlySpan<byte> token = tokenizer.GetBytes(id);
            if (token.Length is 0 or > MaxTokenBytes || tokenizer.IsAdded(id))
                continue;
            byte[] bytes = token.ToArray();
            if (!ids.TryAdd(bytes, id))
            {
                twins.Add((ids[bytes], id));
                continue;
            }
            MaxTokenChars = Math.Max(MaxTokenChars, bytes.Length);
            if (token.Contains(TriggerByte))
                withTrigger.Add((bytes, id));
            else
                WithoutTrigger[id / 64] |= 1UL << (id % 64);
        }
        (byte[] Bytes, int Id)[] tokens = [.. ids.Select(static pair => (pair.Key, pair.Value))];
        Trie = new TokenTrie(tokens);
        Strings = new StringTokens(tokens, Words);
        WithTrigger = new TokenTrie(withTrigger);
        Twins = [.. twins];
    }

    /// <summary>One more than the greatest id.</summary>
    public int Size { get; }

    /// <summary>Words of a mask.</summary>
    internal int Words => (Size + 63) / 64;

    /// <summary>All ordinary tokens.</summary>
    internal TokenTrie Trie { get; }

    /// <summary>What they do within JSON strings.</summary>
    internal StringTokens Strings { get; }

    /// <summary>A mask of those without <see cref="TriggerByte"/>.</summary>
    internal ulong[] WithoutTrigger { get; }

    /// <summary>Those with it.</summary>
    internal TokenTrie WithTrigger { get; }

    /// <summary>Tokens of the same bytes as another, which stands for them in the trie.</summary>
    internal (int First, int Other)[] Twins { get; }

    /// <summary>No token has more characters.</summary>
    internal int MaxTokenChars { get; }

    /// <summary>The vocabulary of a tokenizer, built once, which takes some tenths of a second for 128 K tokens.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    public static GrammarVocabulary Of(DeepSeekTokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return s_kept.GetValue(tokenizer, static it => new GrammarVocabulary(it));
    }

    /// <summary>The id of the added token that is a mark's text; −1 where the tokenizer has none.</summary>
    internal int MarkId(string mark) => _tokenizer.TryGetAddedToken(mark, out int id) ? id : -1;

    /// <summary>The bytes of an ordinary token; none for others.</summary>
    internal ReadOnlySpan<byte> Bytes(int token) =>
        (uint)token < (uint)Size && !_tokenizer.IsAdded(token) ? _tokenizer.GetBytes(token) : [];
}
