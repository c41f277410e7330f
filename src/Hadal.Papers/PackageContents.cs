namespace Hadal.Papers;

/// <summary>What goes into a package, as src/Papers.targets writes it down.</summary>
internal static class PackageContents
{
    public static IReadOnlyList<Content> Read(string folder)
    {
        Dictionary<string, string> origins = Lines(folder, "published.txt")
            .ToDictionary(parts => Path.GetFullPath(parts[1], parts[0]), parts => parts[2]);
        return
        [
            .. Lines(folder, "contents.txt")
                .Select(parts => new Content(
                    origins.GetValueOrDefault(Path.GetFullPath(parts[0]), parts[0]),
                    parts[1].TrimStart('/')
                )),
        ];
    }

    private static IEnumerable<string[]> Lines(string folder, string name)
    {
        string file = Path.Combine(folder, name);
        return File.Exists(file)
            ? File.ReadLines(file).Select(line => line.Replace('\\', '/').Split('|'))
            : [];
    }
}
