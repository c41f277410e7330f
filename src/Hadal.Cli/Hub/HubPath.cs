using System.Text;

namespace Hadal.Cli.Hub;

/// <summary>Which names of a hub may become names of files here, on any system.</summary>
internal static class HubPath
{
    /// <summary>What is being fetched has the file's name and this.</summary>
    public const string PartSuffix = ".part";

    private const int MaxLength = 1000;
    private const int MaxDepth = 16;

    /// <summary>File systems take 255 bytes; the suffix of what is being fetched needs some.</summary>
    private const int MaxNameBytes = 240;

    private static readonly HashSet<string> s_devices = new(StringComparer.OrdinalIgnoreCase)
    {
        "CON",
        "PRN",
        "AUX",
        "NUL",
        "CONIN$",
        "CONOUT$",
    };

    /// <summary>Tells why a path is refused.</summary>
    /// <param name="path">Names with / between them.</param>
    /// <returns>Null for a path that may be used.</returns>
    public static string? Problem(string path)
    {
        if (path.Length is 0 or > MaxLength)
            return $"it must have 1 to {MaxLength} characters";
        string[] names = path.Split('/');
        return names.Length > MaxDepth
            ? $"it is more than {MaxDepth} folders deep"
            : names.Select(NameProblem).FirstOrDefault(problem => problem is not null);
    }

    private static string? NameProblem(string name)
    {
        if (name.Length == 0)
            return "it has an empty name between slashes";
        if (name is "." or "..")
            return $"it leads through '{name}'";
        if (Encoding.UTF8.GetByteCount(name) > MaxNameBytes)
            return $"it has a name of more than {MaxNameBytes} bytes";
        if (name.Any(c => Printable.IsHidden(c)))
            return "it has a character that is no text";
        if (name.IndexOfAny(['\\', ':', '*', '?', '"', '<', '>', '|']) is >= 0 and int index)
            return $"it has the character {name[index]}";
        if (name[^1] is '.' or ' ')
            return "it has a name that ends in a dot or a space";
        if (IsDevice(name.Split('.')[0].TrimEnd(' ')))
            return "it has a device's name";
        if (name.Equals(".git", StringComparison.OrdinalIgnoreCase))
            return "it leads into a .git folder";
        return name.EndsWith(PartSuffix, StringComparison.OrdinalIgnoreCase)
            ? $"it ends in {PartSuffix}, as what is being fetched does"
            : null;
    }

    private static bool IsDevice(string name) =>
        s_devices.Contains(name)
        || (
            name.Length == 4
            && name[3] is (>= '0' and <= '9') or '¹' or '²' or '³'
            && (
                name.StartsWith("COM", StringComparison.OrdinalIgnoreCase)
                || name.StartsWith("LPT", StringComparison.OrdinalIgnoreCase)
            )
        );
}
