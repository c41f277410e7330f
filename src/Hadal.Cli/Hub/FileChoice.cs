using System.IO.Enumeration;

namespace Hadal.Cli.Hub;

/// <summary>Which files of a repository are fetched.</summary>
/// <param name="include">Patterns in which * is any text, slashes too, and ? any character; empty for what a model needs.</param>
internal sealed class FileChoice(IReadOnlyList<string> include)
{
    /// <summary>Those without a slash are of the repository's own folder: below it lie copies in other formats.</summary>
    private static readonly string[] s_needed =
    [
        "*.safetensors",
        "*.json",
        "*.jinja",
        "*.model",
        "LICENSE*",
        "README.md",
        "encoding/*",
    ];

    /// <summary>Whether the files are chosen by what a model needs.</summary>
    public bool IsDefault => include.Count == 0;

    public bool Takes(string path) =>
        IsDefault
            ? s_needed.Any(pattern =>
                (pattern.Contains('/') || !path.Contains('/')) && Matches(pattern, path)
            )
            : include.Any(pattern => Matches(pattern, path));

    private static bool Matches(string pattern, string path) =>
        FileSystemName.MatchesSimpleExpression(pattern, path, ignoreCase: false);
}
