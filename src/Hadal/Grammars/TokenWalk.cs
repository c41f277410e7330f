namespace Hadal.Grammars;

/// <summary>Walks tries of tokens along <see cref="GrammarStates"/>, to tell which tokens may come. Not thread-safe.</summary>
internal sealed class TokenWalk
{
    private readonly Place[] _places = new Place[GrammarVocabulary.MaxTokenBytes + 1];

    // What was pushed: the state before an opening byte, and what is below it on the stack.
    private readonly (int State, int Below)[] _pushed = new (int, int)[
        GrammarVocabulary.MaxTokenBytes + 1
    ];

    /// <summary>States of the stack that the last walk has looked at, from the top.</summary>
    public int StackRead { get; private set; }

    /// <summary>Nodes that the last walk has looked at.</summary>
    public int NodesRead { get; private set; }

    /// <summary>Sets the bits of the tokens that may come.</summary>
    /// <param name="trie">The tokens.</param>
    /// <param name="states">The states.</param>
    /// <param name="state">The state of the text.</param>
    /// <param name="stack">Its stack.</param>
    /// <param name="bits">Bit id of word id / 64.</param>
    public void Run(
        TokenTrie trie,
        GrammarStates states,
        int state,
        ReadOnlySpan<int> stack,
        Span<ulong> bits
    )
    {
        StackRead = 0;
        ReadOnlySpan<TokenTrie.Node> nodes = trie.Nodes;
        ReadOnlySpan<byte> classes = states.Classes;
        int width = states.Width;
        int[] table = states.Table;
        TokenTrie.NodeTraits[] passes = states.Passes;
        Place[] places = _places;
        places[0] = new Place(state, stack.Length - 1, 0);
        int read = 0;
        for (int i = 0; i < nodes.Length; read++)
        {
            ref readonly TokenTrie.Node node = ref nodes[i];
            Place place = places[node.Depth];
            int next = table[place.State * width + classes[node.Byte]];
            if (next < 0 && next != GrammarStates.Dead)
            {
                next = Work(states, ref place, node.Byte, next, stack);
                table = states.Table;
                passes = states.Passes;
            }
            if (next == GrammarStates.Dead)
            {
                i = node.End;
                continue;
            }
            if ((passes[next] & node.Traits) != 0)
            {
                foreach (int token in trie.Tokens[node.FirstToken..node.EndToken])
                    bits[token >> 6] |= 1UL << token;
                i = node.End;
                continue;
            }
            places[node.Depth + 1] = place with { State = next };
            if (node.Token >= 0)
                bits[node.Token >> 6] |= 1UL << node.Token;
            i++;
        }
        NodesRead = read;
    }

    // What is not in the table, and brackets.
    private int Work(
        GrammarStates states,
        ref Place place,
        byte value,
        int next,
        ReadOnlySpan<int> stack
    )
    {
        if (next == GrammarStates.Unknown)
            next = states.Next(place.State, value);
        if (next == GrammarStates.Closes)
        {
            int pushed = place.Top - stack.Length;
            if (pushed < 0)
                StackRead = Math.Max(StackRead, stack.Length - place.Top);
            (int before, int below) =
                pushed >= 0 ? _pushed[pushed] : (stack[place.Top], place.Top - 1);
            next = states.Pop(place.State, value, before);
            place = place with { Top = below };
        }
        else if (next <= GrammarStates.Opens)
        {
            _pushed[place.Used] = (place.State, place.Top);
            place = new Place(place.State, stack.Length + place.Used, place.Used + 1);
            next = GrammarStates.Frame(next);
        }
        return next;
    }

    /// <summary>Where the walk is at a depth.</summary>
    /// <param name="State">The state.</param>
    /// <param name="Top">The top of the stack: an index into it, or beyond it one of what was pushed; −1 where it is empty.</param>
    /// <param name="Used">How much of what was pushed is in use.</param>
    private readonly record struct Place(int State, int Top, int Used);
}
