namespace Hadal.Cli.Hub;

/// <summary>A repository of a hub, and which of its revisions.</summary>
/// <param name="Owner">Whose it is.</param>
/// <param name="Name">Its name.</param>
/// <param name="Revision">A branch, a tag, or a commit.</param>
internal sealed record RepositoryName(string Owner, string Name, string Revision)
{
    private const int MaxLength = 96;

    /// <summary>Reads <c>ORG/REPO[@REVISION]</c>; the revision is <c>main</c> where none is given.</summary>
    /// <exception cref="UsageException">It is none.</exception>
    public static RepositoryName Parse(string text)
    {
        string[] parts = text.Split('@', 2);
        string revision = parts.Length == 2 ? parts[1] : "main";
        if (parts[0].Split('/') is not [string owner, string name])
            throw new UsageException($"the repository is '{text}'; it must be ORG/REPO");
        if (!IsName(owner) || !IsName(name))
            throw new UsageException(
                $"the repository is '{text}'; its names have letters, digits, and single - . or _ between them, {MaxLength} at most"
            );
        if (HubPath.Problem(revision) is { } problem)
            throw new UsageException($"the revision is '{revision}': {problem}");
        return new RepositoryName(owner, name, revision);
    }

    public override string ToString() => $"{Owner}/{Name}";

    private static bool IsName(string name) =>
        name.Length is > 0 and <= MaxLength
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_')
        && name[0] is not ('-' or '.')
        && name[^1] is not ('-' or '.')
        && !name.Contains("--", StringComparison.Ordinal)
        && !name.Contains("..", StringComparison.Ordinal);
}
