namespace Hadal.Grammars;

/// <summary>
/// A trie of the bytes of tokens, its nodes in the order of a depth-first walk, so that a walk reads memory forwards. Immutable.
/// </summary>
internal sealed class TokenTrie
{
    private readonly Node[] _nodes;
    private readonly int[] _tokens;

    /// <param name="tokens">The bytes of each token, none empty, no two equal.</param>
    public TokenTrie(IEnumerable<(byte[] Bytes, int Id)> tokens)
    {
        (byte[] Bytes, int Id)[] sorted = [.. tokens];
        Array.Sort(sorted, static (a, b) => a.Bytes.AsSpan().SequenceCompareTo(b.Bytes));
        _tokens = [.. sorted.Select(static token => token.Id)];
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
        for (int i = 0; i < sorted.Length; i++)
        {
            byte[] bytes = sorted[i].Bytes;
            int common = bytes.AsSpan().CommonPrefixLength(before);
            Close(common, i);
            while (depth < bytes.Length)
            {
                _nodes[next] = new Node
                {
                    Byte = bytes[depth],
                    Depth = (short)depth,
                    Token = -1,
                    FirstToken = i,
                };
                path[depth++] = next++;
            }
            _nodes[next - 1].Token = sorted[i].Id;
            before = bytes;
        }
        Close(0, sorted.Length);
        // A node comes before all that begin with it.
        for (int node = count - 1; node >= 0; node--)
            _nodes[node].Traits = TraitsOf(node);

        void Close(int to, int token)
        {
            while (depth > to)
            {
                ref Node node = ref _nodes[path[--depth]];
                node.End = next;
                node.EndToken = token;
            }
        }
    }

    public ReadOnlySpan<Node> Nodes => _nodes;

    /// <summary>The tokens in the order of their nodes.</summary>
    public ReadOnlySpan<int> Tokens => _tokens;

    private NodeTraits TraitsOf(int node)
    {
        NodeTraits traits = NodeTraits.StaysInString | NodeTraits.LacksTrigger;
        for (int child = node + 1; child < _nodes[node].End; child = _nodes[child].End)
        {
            if (
                _nodes[child].Byte == GrammarVocabulary.TriggerByte
                || (_nodes[child].Traits & NodeTraits.LacksTrigger) == 0
            )
                traits &= ~NodeTraits.LacksTrigger;
            if (!Stays(child, phase: 0))
                traits &= ~NodeTraits.StaysInString;
        }
        return traits;
    }

    // Whether a node and all that begin with it stay in a JSON string, of which a phase comes before it.
    private bool Stays(int node, int phase)
    {
        if (phase == 0 && _nodes[node].Byte == '"')
            return false;
        int next = CharCode.AnyInJson.Next(phase, _nodes[node].Byte);
        if (next == CharCode.Dead)
            return false;
        if (next < 0)
            return (_nodes[node].Traits & NodeTraits.StaysInString) != 0;
        for (int child = node + 1; child < _nodes[node].End; child = _nodes[child].End)
        {
            if (!Stays(child, next))
                return false;
        }
        return true;
    }

    /// <summary>What all do that begin with a node.</summary>
    [Flags]
    public enum NodeTraits : byte
    {
        None = 0,

        /// <summary>Where it is in a JSON string between two characters, they go on in that string.</summary>
        StaysInString = 1,

        /// <summary>They have no <see cref="GrammarVocabulary.TriggerByte"/> after it.</summary>
        LacksTrigger = 2,
    }

    /// <summary>The bytes up to one of a token.</summary>
    public struct Node
    {
        /// <summary>The node after all that begin with it.</summary>
        public int End;

        /// <summary>The token that it is; −1 for none.</summary>
        public int Token;

        /// <summary>Where in <see cref="Tokens"/> those begin that begin with it, itself included.</summary>
        public int FirstToken;

        /// <summary>Where they end.</summary>
        public int EndToken;

        /// <summary>How many bytes come before the last.</summary>
        public short Depth;

        /// <summary>The last byte.</summary>
        public byte Byte;

        public NodeTraits Traits;
    }
}
