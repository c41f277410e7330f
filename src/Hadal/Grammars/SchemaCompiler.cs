using System.Text.Json;

namespace Hadal.Grammars;

/// <summary>Writes schemas into an automaton. Objects and arrays are rules, made once for what they ask, so that schemas may recur.</summary>
/// <param name="reader">Reads the schemas.</param>
/// <param name="builder">Takes the states.</param>
internal sealed class SchemaCompiler(SchemaReader reader, ByteAutomatonBuilder builder)
{
    private readonly SchemaShapes _shapes = new(reader);
    private readonly Dictionary<string, List<SchemaShape>> _shapesOf = [];
    private readonly Dictionary<string, int> _rules = [];
    private readonly Queue<Action> _open = new();
    private readonly Dictionary<string, CharAutomaton> _strings = [];

    private readonly Dictionary<CharAutomaton, int> _stringIds = [];

    private SchemaCheck Check => field ??= new SchemaCheck(reader, _shapes);

    /// <summary>What schemas together leave.</summary>
    public List<SchemaShape> ShapesOf(IEnumerable<string> pointers)
    {
        SchemaNode[] nodes = [.. pointers.Distinct().Select(reader.At)];
        string key = Key(nodes);
        if (!_shapesOf.TryGetValue(key, out List<SchemaShape>? shapes))
            _shapesOf.Add(key, shapes = _shapes.Of(nodes));
        return shapes;
    }

    /// <summary>Writes the rules that are still to be written. To be called at the end.</summary>
    public void WriteRules()
    {
        while (_open.TryDequeue(out Action? write))
            write();
    }

    /// <summary>The values that a shape lists and the rest of it allows.</summary>
    public IEnumerable<JsonElement> ValuesOf(SchemaShape shape) =>
        shape.Values!.Where(value => Check.Allows(shape, value));

    /// <summary>Writes a value that is as one of several shapes asks.</summary>
    /// <param name="shapes">The shapes.</param>
    /// <param name="from">The state before it.</param>
    /// <param name="to">The state after it.</param>
    public void WriteValue(List<SchemaShape> shapes, int from, int to)
    {
        List<byte[]> literals = [];
        foreach (SchemaShape shape in shapes)
        {
            if (shape.Values is null)
            {
                WriteTypes(shape, from, to);
                continue;
            }
            foreach (JsonElement value in ValuesOf(shape))
            {
                if (value.ValueKind is JsonValueKind.Object or JsonValueKind.Array)
                    WriteConstant(value, from, to);
                else
                    literals.AddRange(JsonLiterals.Scalar(value));
            }
        }
        builder.Literals(from, literals, to);
    }

    /// <summary>Writes an object.</summary>
    /// <param name="shape">What it must be.</param>
    /// <param name="isClosed">Whether it may have no other members than those declared or required.</param>
    /// <param name="from">The state before it.</param>
    /// <param name="to">The state after it.</param>
    public void WriteObject(SchemaShape shape, bool isClosed, int from, int to)
    {
        IReadOnlyList<SchemaNode> objects = shape.Objects;
        string key = $"{(isClosed ? "closed" : "")}{{{Key(objects)}";
        if (!_rules.TryGetValue(key, out int rule))
        {
            (rule, int start) = builder.NewRule();
            _rules.Add(key, rule);
            int made = rule;
            _open.Enqueue(() => WriteMembers(objects, isClosed, made, start));
        }
        builder.Call(from, '{', rule, to);
    }

    /// <summary>What a string of a shape must match, its length apart where nothing else is asked.</summary>
    /// <returns>The automaton, and the bounds that it doesn't hold.</returns>
    public (CharAutomaton Characters, int Min, int Max) StringOf(SchemaShape shape)
    {
        if (shape.Strings.Count == 0)
            return (CharAutomaton.Anything, shape.MinLength, shape.MaxLength ?? -1);
        string key =
            $"{string.Join(',', shape.Strings.Select(IdOf))} {shape.MinLength} {shape.MaxLength}";
        if (!_strings.TryGetValue(key, out CharAutomaton? automaton))
        {
            try
            {
                automaton = shape.Strings.Aggregate(CharAutomaton.Intersect);
                if (shape.MinLength > 0 || shape.MaxLength is not null)
                    automaton = CharAutomaton.WithLength(
                        automaton,
                        shape.MinLength,
                        shape.MaxLength
                    );
            }
            catch (GrammarException e)
            {
                throw reader.Error("#", $"a string: {e.Message}", e);
            }
            _strings.Add(key, automaton);
        }
        return (automaton, 0, -1);
    }

    private int IdOf(CharAutomaton automaton)
    {
        _stringIds.TryAdd(automaton, _stringIds.Count);
        return _stringIds[automaton];
    }

    private void WriteTypes(SchemaShape shape, int from, int to)
    {
        if (Has(JsonTypes.Null))
            builder.Literal(from, "null", to);
        if (Has(JsonTypes.Boolean))
        {
            builder.Literal(from, "true", to);
            builder.Literal(from, "false", to);
        }
        if (Has(JsonTypes.Number))
            WriteNumber(shape, from, to);
        if (Has(JsonTypes.String))
        {
            (CharAutomaton characters, int min, int max) = StringOf(shape);
            builder.Text(from, characters, isJson: true, min, max, to);
        }
        if (Has(JsonTypes.Object))
            WriteObject(shape, isClosed: false, from, to);
        if (Has(JsonTypes.Array))
            builder.Call(from, '[', ArrayRule(shape), to);

        bool Has(JsonTypes types) => (shape.Types & types) != 0;
    }

    private void WriteNumber(SchemaShape shape, int from, int to)
    {
        bool isInteger = (shape.Types & JsonTypes.Fraction) == 0;
        builder.Text(from, shape.Bounds.Automaton(isInteger), isJson: false, 0, -1, to);
    }

    private void WriteMembers(IReadOnlyList<SchemaNode> objects, bool isClosed, int rule, int start)
    {
        // Of each place between members one state where none came before, and one where some did.
        int none = start;
        int some = builder.NewState();
        string[] names = [.. SchemaMembers.Names(objects)];
        var required = objects.SelectMany(static node => node.Required).ToHashSet();
        foreach (string name in names)
        {
            int after = builder.NewState();
            int before = builder.NewState();
            builder.Epsilon(none, before);
            WriteComma(some, before);
            WriteMember(
                builder.Literal(before, JsonLiterals.String(name)),
                ShapesOf(SchemaMembers.Property(objects, name)),
                after
            );
            int nextNone = builder.NewState();
            if (!required.Contains(name))
            {
                builder.Epsilon(none, nextNone);
                builder.Epsilon(some, after);
            }
            (none, some) = (nextNone, after);
        }
        builder.Close(none, '}', rule);
        builder.Close(some, '}', rule);
        List<SchemaShape> others = isClosed ? [] : ShapesOf(SchemaMembers.Property(objects, null));
        if (others.Count == 0)
            return;
        int other = builder.NewState();
        builder.Epsilon(none, other);
        WriteComma(some, other);
        int named = builder.NewState();
        CharAutomaton free =
            names.Length == 0 ? CharAutomaton.Anything : CharAutomaton.NotLiterals(names);
        builder.Text(other, free, isJson: true, 0, -1, named);
        WriteMember(named, others, some);
    }

    private void WriteMember(int from, List<SchemaShape> shapes, int to)
    {
        int colon = builder.NewState();
        builder.Byte(from, ':', colon);
        WriteValue(shapes, WithSpace(colon), to);
    }

    private void WriteComma(int from, int to)
    {
        int comma = builder.NewState();
        builder.Byte(from, ',', comma);
        builder.Epsilon(WithSpace(comma), to);
    }

    // At most one space.
    private int WithSpace(int from)
    {
        int to = builder.NewState();
        builder.Byte(from, ' ', to);
        builder.Epsilon(from, to);
        return to;
    }

    private int ArrayRule(SchemaShape shape)
    {
        string key = $"[{Key(shape.Arrays)}";
        if (_rules.TryGetValue(key, out int rule))
            return rule;
        (rule, int start) = builder.NewRule();
        _rules.Add(key, rule);
        _open.Enqueue(() => WriteArray(shape, rule, start));
        return rule;
    }

    private void WriteArray(SchemaShape shape, int rule, int start)
    {
        int min = shape.MinItems;
        int? max = shape.MaxItems;
        int prefix = shape.Arrays.Select(static node => node.Prefix.Count).DefaultIfEmpty().Max();
        int listed = max ?? Math.Max(1, Math.Max(min, prefix));
        int state = start;
        for (int i = 0; ; i++)
        {
            if (i >= min)
                builder.Close(state, ']', rule);
            if (i == max)
                return;
            int before = state;
            if (i > 0)
                WriteComma(state, before = builder.NewState());
            // The last one without a bound comes again and again.
            bool isLast = i == listed;
            int after = isLast ? state : builder.NewState();
            WriteValue(ShapesOf(SchemaMembers.Element(shape.Arrays, i)), before, after);
            if (isLast)
                return;
            state = after;
        }
    }

    private void WriteConstant(JsonElement value, int from, int to)
    {
        if (value.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array))
        {
            builder.Literals(from, [.. JsonLiterals.Scalar(value)], to);
            return;
        }
        bool isObject = value.ValueKind == JsonValueKind.Object;
        (int rule, int start) = builder.NewRule();
        builder.Call(from, isObject ? '{' : '[', rule, to);
        _open.Enqueue(() =>
        {
            int state = start;
            int i = 0;
            foreach ((string? name, JsonElement element) in Elements(value))
            {
                if (i++ > 0)
                {
                    int before = builder.NewState();
                    WriteComma(state, before);
                    state = before;
                }
                if (name is not null)
                {
                    int colon = builder.NewState();
                    builder.Byte(builder.Literal(state, JsonLiterals.String(name)), ':', colon);
                    state = WithSpace(colon);
                }
                int after = builder.NewState();
                WriteConstant(element, state, after);
                state = after;
            }
            builder.Close(state, isObject ? '}' : ']', rule);
        });
    }

    private static IEnumerable<(string? Name, JsonElement Value)> Elements(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Array)
            return value.EnumerateArray().Select(static e => ((string?)null, e));
        return value.EnumerateObject().Select(static m => ((string?)m.Name, m.Value));
    }

    private static string Key(IEnumerable<SchemaNode> nodes) =>
        string.Join(',', nodes.Select(static node => node.Id));
}
