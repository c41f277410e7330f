using System.Text.Json;

namespace Hadal.Grammars;

/// <summary>What is asked of a value, without alternatives. Immutable.</summary>
internal sealed record SchemaShape
{
    /// <summary>Any value.</summary>
    public static SchemaShape Any { get; } = new();

    public JsonTypes Types { get; init; } = JsonTypes.All;

    /// <summary>The values that it may be; null for any.</summary>
    public IReadOnlySet<JsonElement>? Values { get; init; }

    public int MinLength { get; init; }

    public int? MaxLength { get; init; }

    /// <summary>What a string must match.</summary>
    public IReadOnlyList<CharAutomaton> Strings { get; init; } = [];

    public NumberBounds Bounds { get; init; } = NumberBounds.None;

    /// <summary>The schemas that say something of objects.</summary>
    public IReadOnlyList<SchemaNode> Objects { get; init; } = [];

    /// <summary>The schemas that say something of arrays.</summary>
    public IReadOnlyList<SchemaNode> Arrays { get; init; } = [];

    /// <summary>The schemas and automata that it is made of.</summary>
    public int Parts => Objects.Count + Arrays.Count + Strings.Count;

    /// <summary>The fewest elements of an array.</summary>
    public int MinItems => Arrays.Select(static array => array.MinItems).DefaultIfEmpty().Max();

    /// <summary>The most elements of an array; null for no bound.</summary>
    public int? MaxItems => Arrays.Min(static array => array.MaxItems);

    /// <summary>What a schema says itself, but for the schemas that it refers to.</summary>
    public static SchemaShape Of(SchemaNode node) =>
        new()
        {
            Types = node.Types,
            Values = node.Values,
            MinLength = node.MinLength,
            MaxLength = node.MaxLength,
            Strings = node.Strings,
            Bounds = node.Bounds,
            Objects = node.HasObject ? [node] : [],
            Arrays = node.HasArray ? [node] : [],
        };

    /// <summary>What both ask.</summary>
    public SchemaShape And(SchemaShape other) =>
        new()
        {
            Types = Types & other.Types,
            Values = (Values, other.Values) switch
            {
                (null, var values) => values,
                (var values, null) => values,
                ({ } a, { } b) => a.Where(b.Contains).ToHashSet(JsonValueComparer.Instance),
            },
            MinLength = Math.Max(MinLength, other.MinLength),
            MaxLength = (MaxLength, other.MaxLength) is ({ } x, { } y)
                ? Math.Min(x, y)
                : MaxLength ?? other.MaxLength,
            Strings = [.. Strings.Union(other.Strings)],
            Bounds = Bounds.And(other.Bounds),
            Objects = [.. Objects.Union(other.Objects)],
            Arrays = [.. Arrays.Union(other.Arrays)],
        };
}
