using System.Collections.Frozen;

namespace Hadal.Grammars;

/// <summary>The keywords of JSON Schema that assert something that grammars here can't keep to.</summary>
internal static class SchemaKeywords
{
    private static readonly FrozenSet<string> s_refused = FrozenSet.Create(
        "not",
        "if",
        "then",
        "else",
        "patternProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "contains",
        "minContains",
        "maxContains",
        "uniqueItems",
        "multipleOf",
        "unevaluatedProperties",
        "unevaluatedItems",
        "$dynamicRef",
        "$recursiveRef",
        "extends",
        "disallow",
        "divisibleBy",
        "nullable"
    );

    /// <summary>Whether a schema that has it is refused, unless it asserts nothing.</summary>
    public static bool IsRefused(string keyword) => s_refused.Contains(keyword);
}
