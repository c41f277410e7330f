using System.Text;

namespace Hadal.Tokenization;

/// <summary>The bytes of each token, in one array: token <c>id</c> is <c>bytes[starts[id]..starts[id + 1]]</c>.</summary>
internal sealed class TokenBytes
{
    private readonly byte[] _bytes;
    private readonly int[] _starts;

    /// <exception cref="TokenizerException">A token uses characters outside the byte alphabet.</exception>
    public TokenBytes(TokenizerFile file)
    {
        int count =
            Math.Max(
                file.Vocabulary.Count == 0 ? -1 : file.Vocabulary.Values.Max(),
                file.AddedTokens.Count == 0 ? -1 : file.AddedTokens.Max(t => t.Id)
            ) + 1;
        var byId = new byte[]?[count];
        foreach (AddedToken added in file.AddedTokens)
            byId[added.Id] = Encoding.UTF8.GetBytes(added.Content);
        foreach ((string token, int id) in file.Vocabulary)
        {
            if (byId[id] is not null)
                continue;
            byId[id] = new byte[token.Length];
            if (!ByteAlphabet.TryGetBytes(token, byId[id]))
                throw new TokenizerException(
                    $"tokenizer.json.model.vocab['{QuotedText.Shorten(token)}']: has a character outside the byte-level alphabet"
                );
        }
        _starts = new int[count + 1];
        for (int id = 0; id < count; id++)
            _starts[id + 1] = _starts[id] + (byId[id]?.Length ?? 0);
        _bytes = new byte[_starts[count]];
        for (int id = 0; id < count; id++)
            byId[id]?.CopyTo(_bytes, _starts[id]);
    }

    public int Count => _starts.Length - 1;

    public ReadOnlySpan<byte> this[int id] => _bytes.AsSpan(_starts[id].._starts[id + 1]);
}
