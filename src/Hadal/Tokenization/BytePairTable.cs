namespace Hadal.Tokenization;

/// <summary>The tokens of a byte-level BPE: those of single bytes, and which pairs merge into which. Thread-safe.</summary>
internal sealed class BytePairTable
{
    private readonly int[] _ofByte = new int[256];

    // A tuple's hash has a seed of the process: no file can make all pairs collide.
    private readonly Dictionary<(int Left, int Right), (int Rank, int Id)> _merges;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>>? _words;
    private readonly int _longestWord;

    /// <exception cref="TokenizerException">A byte has no token: text that holds it would have no ids.</exception>
    public BytePairTable(TokenizerFile file)
    {
        for (int b = 0; b < _ofByte.Length; b++)
        {
            string letter = ByteAlphabet.Of((byte)b).ToString();
            if (!file.Vocabulary.TryGetValue(letter, out _ofByte[b]))
                throw new TokenizerException(
                    $"tokenizer.json.model.vocab: has no token for the byte 0x{b:X2} ('{letter}'); byte-level BPE must have one for each of the 256 bytes"
                );
        }
        _merges = file.Merges;
        if (!file.IgnoreMerges)
            return;
        _words = file.Vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        _longestWord = file.Vocabulary.Keys.Max(token => token.Length);
    }

    /// <summary>The token of one byte.</summary>
    public int this[byte value] => _ofByte[value];

    /// <summary>Whether two neighbours merge; the lowest rank merges first.</summary>
    public bool TryMerge(int left, int right, out (int Rank, int Id) merge) =>
        _merges.TryGetValue((left, right), out merge);

    /// <summary>The token that is all of a word, which goes before merges where the file says <c>ignore_merges</c>.</summary>
    public bool TryGetWord(ReadOnlySpan<byte> word, out int id)
    {
        id = 0;
        if (_words is not { } words || word.Length > _longestWord)
            return false;
        Span<char> letters = word.Length <= 256 ? stackalloc char[256] : new char[word.Length];
        for (int i = 0; i < word.Length; i++)
            letters[i] = ByteAlphabet.Of(word[i]);
        return words.TryGetValue(letters[..word.Length], out id);
    }
}
