namespace Hadal.Grammars;

/// <summary>
/// A nondeterministic automaton over bytes with calls: a visibly pushdown automaton (Alur and Madhusudan, "Visibly pushdown
/// languages", 2004). A call begins and ends with a byte of its own, an opening and a closing bracket outside strings, so that
/// the text alone tells the depth, and the automaton can be made deterministic. Each state can reach the end. Immutable.
/// </summary>
internal sealed class ByteAutomaton
{
    private readonly Edge[] _edges;
    private readonly int[] _firstEdges;
    private readonly TextSite?[] _texts;
    private readonly UntilSite?[] _untils;
    private readonly int[] _sites; // Of each state: 0 for none.
    private readonly int[] _ruleStarts;

    /// <param name="firstEdges">The first edge of each state, and the number of edges.</param>
    /// <param name="edges">The edges, those of a state together.</param>
    /// <param name="texts">The states in which texts are.</param>
    /// <param name="untils">The states in which texts up to a trigger are.</param>
    /// <param name="ruleStarts">The first state of each rule.</param>
    /// <param name="marks">The texts of the marks.</param>
    /// <param name="start">The first state.</param>
    /// <param name="thoughtStart">The state of a thought before the first state.</param>
    public ByteAutomaton(
        int[] firstEdges,
        Edge[] edges,
        Dictionary<int, TextSite> texts,
        Dictionary<int, UntilSite> untils,
        int[] ruleStarts,
        string[] marks,
        int start,
        int thoughtStart
    )
    {
        _firstEdges = firstEdges;
        _edges = edges;
        _texts = [null, .. texts.Values, .. untils.Select(static TextSite? (_) => null)];
        _untils = [null, .. texts.Select(static UntilSite? (_) => null), .. untils.Values];
        _sites = new int[firstEdges.Length - 1];
        int site = 0;
        foreach (int state in texts.Keys.Concat(untils.Keys))
            _sites[state] = ++site;
        _ruleStarts = ruleStarts;
        Marks = marks;
        Start = start;
        ThoughtStart = thoughtStart;
        (Classes, ClassCount) = FindClasses();
    }

    public int Start { get; }

    public int ThoughtStart { get; }

    /// <summary>The texts of the marks, which tokens stand for where the vocabulary has them.</summary>
    public string[] Marks { get; }

    public int StateCount => _firstEdges.Length - 1;

    /// <summary>The class of each byte: bytes of one class do the same in every state.</summary>
    public byte[] Classes { get; }

    public int ClassCount { get; }

    public ReadOnlySpan<Edge> Edges(int state) =>
        _edges.AsSpan(_firstEdges[state].._firstEdges[state + 1]);

    /// <summary>Whether a state has edges alone.</summary>
    public bool IsPlain(int state) => _sites[state] == 0;

    /// <summary>The text that a state is in; null for none.</summary>
    public TextSite? Text(int state) => _texts[_sites[state]];

    /// <summary>The text up to a trigger that a state is in; null for none.</summary>
    public UntilSite? Until(int state) => _untils[_sites[state]];

    public int RuleStart(int rule) => _ruleStarts[rule];

    private (byte[] Classes, int Count) FindClasses()
    {
        var boundaries = new bool[257];
        foreach (Edge edge in _edges)
        {
            if (edge.Kind is EdgeKind.Bytes or EdgeKind.Call or EdgeKind.Close)
            {
                boundaries[edge.First] = true;
                boundaries[edge.Last + 1] = true;
            }
        }
        var codes = new HashSet<CharCode>();
        foreach (TextSite text in _texts.OfType<TextSite>())
        {
            if (codes.Add(text.Code))
                text.Code.AddBoundaries(boundaries);
        }
        if (codes.Any(static code => code.IsJson))
            boundaries['"'] = boundaries['"' + 1] = true;
        foreach (UntilSite until in _untils.OfType<UntilSite>())
        {
            foreach (byte value in until.Strings.SelectMany(static text => text))
                boundaries[value] = boundaries[value + 1] = true;
        }
        var classes = new byte[256];
        int count = 0;
        for (int b = 0; b < 256; b++)
        {
            if (b > 0 && boundaries[b])
                count++;
            classes[b] = (byte)count;
        }
        return (classes, count + 1);
    }
}
