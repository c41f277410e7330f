using System.Text.Json;

namespace Hadal.Grammars;

/// <summary>A schema within a schema, as it is written.</summary>
/// <param name="id">Its number among those of the whole schema.</param>
/// <param name="pointer">Where it is, as a JSON pointer in a URI fragment.</param>
internal sealed class SchemaNode(int id, string pointer)
{
    public int Id { get; } = id;

    public string Pointer { get; } = pointer;

    /// <summary>Whether nothing satisfies it: it is <c>false</c>.</summary>
    public bool IsNever { get; init; }

    /// <summary>Schemas that must hold besides: of <c>$ref</c> and <c>allOf</c>.</summary>
    public IReadOnlyList<string> All { get; init; } = [];

    /// <summary>Lists of schemas, of each of which one must hold: of <c>anyOf</c> and <c>oneOf</c>.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Any { get; init; } = [];

    public JsonTypes Types { get; init; } = JsonTypes.All;

    /// <summary>Whether it says nothing itself, the schemas that it refers to apart.</summary>
    public bool AsksNothing =>
        Types == JsonTypes.All
        && Values is null
        && MinLength == 0
        && MaxLength is null
        && Strings.Count == 0
        && Bounds == NumberBounds.None
        && !HasObject
        && !HasArray;

    /// <summary>The values of <c>enum</c> or <c>const</c>; null for any.</summary>
    public IReadOnlySet<JsonElement>? Values { get; init; }

    public int MinLength { get; init; }

    public int? MaxLength { get; init; }

    /// <summary>What strings must match: the automata of <c>pattern</c> and <c>format</c>.</summary>
    public IReadOnlyList<CharAutomaton> Strings { get; init; } = [];

    public NumberBounds Bounds { get; init; } = NumberBounds.None;

    /// <summary>Whether it says something of objects.</summary>
    public bool HasObject => Properties.Count > 0 || Required.Count > 0 || Additional is not null;

    /// <summary>The properties in order, and where their schemas are.</summary>
    public IReadOnlyDictionary<string, string> Properties { get; init; } =
        new Dictionary<string, string>();

    public IReadOnlyList<string> Required { get; init; } = [];

    /// <summary>The schema of <c>additionalProperties</c>.</summary>
    public string? Additional { get; init; }

    /// <summary>Whether it says something of arrays.</summary>
    public bool HasArray =>
        Prefix.Count > 0 || Items is not null || MinItems > 0 || MaxItems is not null;

    /// <summary>The schemas of the first elements.</summary>
    public IReadOnlyList<string> Prefix { get; init; } = [];

    /// <summary>The schema of the elements after them.</summary>
    public string? Items { get; init; }

    public int MinItems { get; init; }

    public int? MaxItems { get; init; }
}
