namespace Hadal.Grammars;

/// <summary>What several schemas together say of the members of an object and the elements of an array.</summary>
internal static class SchemaMembers
{
    /// <summary>The names that are declared or required, in order.</summary>
    public static IEnumerable<string> Names(IReadOnlyList<SchemaNode> objects) =>
        objects
            .SelectMany(static node => node.Properties.Keys)
            .Concat(objects.SelectMany(static node => node.Required))
            .Distinct();

    /// <summary>Where the schemas of a member are; of a name that none declares where its name is null.</summary>
    public static IEnumerable<string> Property(IReadOnlyList<SchemaNode> objects, string? name)
    {
        foreach (SchemaNode node in objects)
        {
            if (name is not null && node.Properties.TryGetValue(name, out string? own))
                yield return own;
            else if (node.Additional is { } additional)
                yield return additional;
        }
    }

    /// <summary>Where the schemas of an element are.</summary>
    public static IEnumerable<string> Element(IReadOnlyList<SchemaNode> arrays, int index)
    {
        foreach (SchemaNode node in arrays)
        {
            if (index < node.Prefix.Count)
                yield return node.Prefix[index];
            else if (node.Items is { } items)
                yield return items;
        }
    }
}
