using System.Globalization;
using System.Text;

namespace Hadal.Caching;

/// <summary>
/// All that decides the bits in a cache besides the tokens, as named fields: two caches whose fields are equal hold the same
/// for the same tokens. As text it is a line a field, <c>name: value</c>.
/// </summary>
internal sealed class CacheIdentity(IReadOnlyList<(string Name, string Value)> fields)
{
    public IReadOnlyList<(string Name, string Value)> Fields => fields;

    /// <summary>With one more field.</summary>
    public CacheIdentity With(string name, ulong value) =>
        new([.. fields, (name, value.ToString(CultureInfo.InvariantCulture))]);

    public byte[] ToBytes() =>
        Encoding.UTF8.GetBytes(
            string.Concat(fields.Select(field => $"{field.Name}: {field.Value}\n"))
        );

    /// <summary>What differs in another's text, in words; null if nothing does.</summary>
    public string? Difference(ReadOnlySpan<byte> other)
    {
        if (other.SequenceEqual(ToBytes()))
            return null;
        string[] lines = Encoding.UTF8.GetString(other).Split('\n');
        var differences = new List<string>();
        foreach ((string name, string value) in fields)
        {
            string start = $"{name}: ";
            string? line = lines.FirstOrDefault(line =>
                line.StartsWith(start, StringComparison.Ordinal)
            );
            string found = line is null ? "nothing" : QuotedText.Shorten(line[start.Length..]);
            if (found != value)
                differences.Add($"{name} is {found}, must be {value}");
        }
        return differences.Count > 0
            ? string.Join("; ", differences)
            : "it has fields that are not known here";
    }
}
