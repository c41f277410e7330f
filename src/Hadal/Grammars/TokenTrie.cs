namespace Hadal.Grammars;

/// <summary>
/// A trie of the bytes of tokens, its nodes in the order of a depth-first walk, so that a walk reads memory forwards. Immutable.
/// </summary>
internal sealed class TokenTrie
{
    private readonly Node[] _nodes;

    /// <param name="tokens">The bytes of each token, none empty, no two equal.</param>
    public TokenTrie(IEnumerable<(byte[] Bytes, int Id)> tokens)
    {
        (byte[] Bytes, int Id)[] sorted = [.. tokens];
        Array.Sort(sorted, static (a, b) => a.Bytes.AsSpan().SequenceCompareTo(b.Bytes));
        int count = 0;
        byte[] before = [];
        foreach ((byte[] bytes, _) in sorted)
        {
            count += bytes.Length - bytes.AsSpan().CommonPrefixLength(before);
            before = bytes;
        }
        _nodes = new Node[count];
        var path = new int[sorted.Length == 0 ? 0 : sorted.Max(static t => t.Bytes.Length)];
        int next = 0;
        int depth = 0;
        before = [];
        foreach ((byte[] bytes, int id) in sorted)
        {
            int common = bytes.AsSpan().CommonPrefixLength(before);
            while (depth > common)
                _nodes[path[--depth]].End = next;
            while (depth < bytes.Length)
            {
                _nodes[next] = new Node
                {
                    Byte = bytes[depth],
                    Depth = (short)depth,
                    Token = -1,
                };
                path[depth++] = next++;
            }
            _nodes[next - 1].Token = id;
            before = bytes;
        }
        while (depth > 0)
            _nodes[path[--depth]].End = next;
    }

    public ReadOnlySpan<Node> Nodes => _nodes;

    /// <summary>The bytes up to one of a token.</summary>
    public struct Node
    {
        /// <summary>The node after all that begin with it.</summary>
        public int End;

        /// <summary>The token that it is; −1 for none.</summary>
        public int Token;

        /// <summary>How many bytes come before the last.</summary>
        public short Depth;

        /// <summary>The last byte.</summary>
        public byte Byte;
    }
}
