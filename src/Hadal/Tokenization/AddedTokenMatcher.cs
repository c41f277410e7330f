using System.Buffers;

namespace Hadal.Tokenization;

/// <summary>Finds added tokens in text: the leftmost, and of those that begin there the longest. Thread-safe.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly Dictionary<string, AddedToken> _byContent;
    private readonly Dictionary<string, AddedToken>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly SearchValues<string> _search;
    private readonly int[] _lengths;

    public AddedTokenMatcher(List<AddedToken> tokens)
    {
        _byContent = tokens.ToDictionary(t => t.Content, StringComparer.Ordinal);
        _lookup = _byContent.GetAlternateLookup<ReadOnlySpan<char>>();
        _search = SearchValues.Create([.. _byContent.Keys], StringComparison.Ordinal);
        _lengths = [.. _byContent.Keys.Select(c => c.Length).Distinct().OrderDescending()];
    }

    /// <summary>The token whose whole text is <paramref name="content"/>, or null.</summary>
    public AddedToken? Find(string content) => _byContent.GetValueOrDefault(content);

    /// <summary>Whether <paramref name="text"/> holds a token; where it begins, and which it is.</summary>
    public bool TryFindFirst(ReadOnlySpan<char> text, out int index, out AddedToken token)
    {
        token = null!;
        index = text.IndexOfAny(_search);
        if (index < 0)
            return false;
        foreach (int length in _lengths)
        {
            if (
                length <= text.Length - index
                && _lookup.TryGetValue(text.Slice(index, length), out token!)
            )
                return true;
        }
        return false;
    }
}
