using System.Globalization;

namespace Hadal.Grammars;

/// <summary>The general categories of Unicode by the names that regular expressions use. Thread-safe.</summary>
internal static class UnicodeCategories
{
    /// <summary>The short and the long name of each, in the order of <see cref="UnicodeCategory"/>.</summary>
    private static readonly (string Short, string Long)[] s_names =
    [
        ("Lu", "Uppercase_Letter"),
        ("Ll", "Lowercase_Letter"),
        ("Lt", "Titlecase_Letter"),
        ("Lm", "Modifier_Letter"),
        ("Lo", "Other_Letter"),
        ("Mn", "Nonspacing_Mark"),
        ("Mc", "Spacing_Mark"),
        ("Me", "Enclosing_Mark"),
        ("Nd", "Decimal_Number"),
        ("Nl", "Letter_Number"),
        ("No", "Other_Number"),
        ("Zs", "Space_Separator"),
        ("Zl", "Line_Separator"),
        ("Zp", "Paragraph_Separator"),
        ("Cc", "Control"),
        ("Cf", "Format"),
        ("Cs", "Surrogate"),
        ("Co", "Private_Use"),
        ("Pc", "Connector_Punctuation"),
        ("Pd", "Dash_Punctuation"),
        ("Ps", "Open_Punctuation"),
        ("Pe", "Close_Punctuation"),
        ("Pi", "Initial_Punctuation"),
        ("Pf", "Final_Punctuation"),
        ("Po", "Other_Punctuation"),
        ("Sm", "Math_Symbol"),
        ("Sc", "Currency_Symbol"),
        ("Sk", "Modifier_Symbol"),
        ("So", "Other_Symbol"),
        ("Cn", "Unassigned"),
    ];

    /// <summary>Categories that are unions: all those whose short names begin so.</summary>
    private static readonly (string Short, string Long)[] s_unions =
    [
        ("L", "Letter"),
        ("M", "Mark"),
        ("M", "Combining_Mark"),
        ("N", "Number"),
        ("Z", "Separator"),
        ("C", "Other"),
        ("P", "Punctuation"),
        ("S", "Symbol"),
    ];

    /// <summary>Further names of ECMA-262's table.</summary>
    private static readonly (string Other, string Short)[] s_aliases =
    [
        ("digit", "Nd"),
        ("punct", "P"),
        ("cntrl", "Cc"),
    ];

    private static readonly Lazy<CodePointSet[]> s_sets = new(Scan);

    /// <summary>The code points of a category, or null if there is none of that name.</summary>
    public static CodePointSet? Find(string name)
    {
        foreach ((string other, string shortName) in s_aliases)
        {
            if (name == other)
                name = shortName;
        }
        if (name is "LC" or "Cased_Letter")
            return Union(static n => n is "Lu" or "Ll" or "Lt");
        foreach ((string shortName, string longName) in s_unions)
        {
            if (name == shortName || name == longName)
                return Union(n => n.StartsWith(shortName, StringComparison.Ordinal));
        }
        for (int i = 0; i < s_names.Length; i++)
        {
            if (name == s_names[i].Short || name == s_names[i].Long)
                return s_sets.Value[i];
        }
        return null;
    }

    private static CodePointSet Union(Predicate<string> has)
    {
        var ranges = new List<(int, int)>();
        for (int i = 0; i < s_names.Length; i++)
        {
            if (has(s_names[i].Short))
                s_sets.Value[i].AddTo(ranges);
        }
        return CodePointSet.Of(ranges);
    }

    private static CodePointSet[] Scan()
    {
        var ranges = new List<(int, int)>[s_names.Length];
        for (int i = 0; i < ranges.Length; i++)
            ranges[i] = [];
        int first = 0;
        UnicodeCategory category = CharUnicodeInfo.GetUnicodeCategory(0);
        for (int c = 1; c < CodePointSet.Limit; c++)
        {
            UnicodeCategory own = CharUnicodeInfo.GetUnicodeCategory(c);
            if (own == category)
                continue;
            ranges[(int)category].Add((first, c - 1));
            (first, category) = (c, own);
        }
        ranges[(int)category].Add((first, CodePointSet.Limit - 1));
        return Array.ConvertAll(ranges, CodePointSet.Of);
    }
}
