using System.Text.RegularExpressions;

namespace Hadal.Papers;

/// <summary>What is inside a library of ours, by the linker's own list (native/packaging/shipped.cmake).</summary>
internal static partial class LinkedFiles
{
    public const string Extension = ".link.d";

    /// <summary>The archives and object files; shared libraries and scripts stay outside.</summary>
    public static IEnumerable<string> Of(string library)
    {
        // Rules of make: "target: inputs", continued by backslashes, then a rule without inputs for each of them.
        string rule = Continuation()
            .Replace(File.ReadAllText(library + Extension), " ")
            .Split('\n')[0];
        return rule[(rule.IndexOf(": ", StringComparison.Ordinal) + 2)..]
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Where(path => Compiled().IsMatch(path) && !ImportLibrary().IsMatch(path));
    }

    [GeneratedRegex(@"\\\r?\n")]
    private static partial Regex Continuation();

    [GeneratedRegex(@"\.(a|o|obj|lib)$")]
    private static partial Regex Compiled();

    // What a DLL is linked by holds none of its code.
    [GeneratedRegex(@"\.dll\.a$")]
    private static partial Regex ImportLibrary();
}
