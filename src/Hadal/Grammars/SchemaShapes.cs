namespace Hadal.Grammars;

/// <summary>
/// Works out the alternatives that schemas leave: <c>anyOf</c> and <c>oneOf</c> make several, <c>allOf</c> and <c>$ref</c> add to
/// each.
/// </summary>
/// <param name="reader">Reads the schemas.</param>
internal sealed class SchemaShapes(SchemaReader reader)
{
    private const int MaxShapes = 1 << 14;
    private const int MaxDepth = 256;
    private const int MaxVisits = 1 << 18;
    private const long MaxWork = 1 << 23;

    private readonly Dictionary<SchemaNode, List<SchemaShape>> _known = [];
    private readonly List<SchemaNode> _open = [];

    // The outermost open schema that the work came back to; what lies within it is not complete.
    private int _reentered = int.MaxValue;
    private int _visits;
    private long _work;

    /// <summary>The alternatives of a value of which several schemas hold.</summary>
    public List<SchemaShape> Of(IEnumerable<SchemaNode> nodes)
    {
        List<SchemaShape> shapes = [SchemaShape.Any];
        foreach (SchemaNode node in nodes)
            shapes = And(shapes, Of(node), node);
        return shapes;
    }

    private List<SchemaShape> Of(SchemaNode node)
    {
        if (_known.TryGetValue(node, out List<SchemaShape>? known))
            return known;
        int reentered = _open.IndexOf(node);
        if (reentered >= 0)
        {
            // It refers to itself with nothing between: that alternative adds none.
            _reentered = Math.Min(_reentered, reentered);
            return [];
        }
        if (_open.Count == MaxDepth)
            throw reader.Error(
                node.Pointer,
                $"is reached by more than {MaxDepth} references and combinations, one in another"
            );
        if (++_visits > MaxVisits)
            throw reader.Error("#", "refers to itself in too many ways");
        _open.Add(node);
        List<SchemaShape> shapes =
            node.IsNever ? []
            : node.AsksNothing ? [SchemaShape.Any]
            : [SchemaShape.Of(node)];
        foreach (string part in node.All)
            shapes = And(shapes, Of(reader.At(part)), node);
        foreach (IReadOnlyList<string> parts in node.Any)
        {
            List<SchemaShape> either = [];
            foreach (string part in parts)
                either.AddRange(Of(reader.At(part)));
            shapes = And(shapes, either, node);
        }
        _open.RemoveAt(_open.Count - 1);
        if (_reentered >= _open.Count)
        {
            _reentered = int.MaxValue;
            _known.Add(node, shapes);
        }
        return shapes;
    }

    private List<SchemaShape> And(List<SchemaShape> some, List<SchemaShape> others, SchemaNode node)
    {
        if ((long)some.Count * others.Count > MaxShapes)
            throw reader.Error(
                node.Pointer,
                $"combines to more than {MaxShapes} alternatives; take fewer, or not one in another"
            );
        if (some is [var only] && ReferenceEquals(only, SchemaShape.Any))
            return others;
        if (others is [var other] && ReferenceEquals(other, SchemaShape.Any))
            return some;
        List<SchemaShape> both = [];
        foreach (SchemaShape a in some)
        {
            foreach (SchemaShape b in others)
            {
                _work += 1 + a.Parts + b.Parts;
                if (_work > MaxWork)
                    throw reader.Error(
                        node.Pointer,
                        "combines too many schemas; take fewer in allOf and anyOf"
                    );
                SchemaShape shape = a.And(b);
                if (shape.Types != JsonTypes.None && shape.Values is not { Count: 0 })
                    both.Add(shape);
            }
        }
        return both;
    }
}
