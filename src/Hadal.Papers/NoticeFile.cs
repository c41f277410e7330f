using System.Text;

namespace Hadal.Papers;

/// <summary>The text THIRD-PARTY-NOTICES.txt of a package.</summary>
internal static class NoticeFile
{
    private static readonly string s_rule = new('=', 118);

    public static string Write(string package, IEnumerable<Component> components)
    {
        var text = new StringBuilder();
        text.Append($"{package} is under the terms of the file LICENSE. ");
        Component[] all = [.. components];
        if (all.Length == 0)
            return text.Append("It carries nothing of others.\n").ToString();
        text.Append("It carries besides, in compiled form:\n");
        Dictionary<string, string> written = [];
        foreach (Component component in all)
        {
            string name = component.Version is null
                ? component.Name
                : $"{component.Name} {component.Version}";
            text.Append($"\n{s_rule}\n{name}\n{component.Url}\nLicence: {component.License}\n");
            foreach (string binary in component.Binaries)
                text.Append($"In: {binary}\n");
            string notice = component.Notice.Trim();
            text.Append(
                written.TryGetValue(notice, out string? other)
                    ? $"\nThe notice is that of {other}, above.\n"
                    : $"\n{notice}\n"
            );
            written.TryAdd(notice, name);
        }
        return text.ToString();
    }
}
