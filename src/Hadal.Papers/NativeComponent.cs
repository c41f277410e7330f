using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Hadal.Papers;

/// <summary>Native software of others: an entry of components.json, where patterns match whole file names.</summary>
/// <param name="Notice">A file of the folder Notices.</param>
/// <param name="Linked">What of it the linker reads: archives and object files.</param>
/// <param name="File">What of it is a file of a package.</param>
/// <param name="Version">Finds its version in the path of what was linked.</param>
internal sealed record NativeComponent(
    string Name,
    string Id,
    string License,
    string Url,
    string Notice,
    string? Linked = null,
    string? File = null,
    string? Version = null
)
{
    public static IReadOnlyList<NativeComponent> All { get; } =
        JsonSerializer.Deserialize<NativeComponent[]>(
            Resource("components.json"),
            JsonSerializerOptions.Web
        )!;

    public bool IsLinkedFrom(string path) => Matches(Linked, path);

    public bool IsFile(string path) => Matches(File, path);

    public Component At(string path)
    {
        Match version = Regex.Match(path, Version ?? "(?!)");
        string? number = version.Success ? version.Groups[1].Value : null;
        string suffix = number is null ? "" : $"@{number}";
        return new(Name, number, License, Url, $"pkg:generic/{Id}{suffix}", Resource(Notice));
    }

    private static bool Matches(string? pattern, string path) =>
        pattern is not null && Regex.IsMatch(Path.GetFileName(path), $"^({pattern})$");

    private static string Resource(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
