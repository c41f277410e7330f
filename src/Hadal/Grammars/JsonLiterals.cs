using System.Globalization;
using System.Text;
using System.Text.Json;
using Hadal.Json;

namespace Hadal.Grammars;

/// <summary>JSON values as they are written compactly.</summary>
internal static class JsonLiterals
{
    /// <summary>A string with its quotes, in UTF-8; escaped is what must be.</summary>
    public static byte[] String(string value) =>
        Encoding.UTF8.GetBytes(
            new StringBuilder(value.Length + 2)
                .Append('"')
                .AppendEscaped(value)
                .Append('"')
                .ToString()
        );

    /// <summary>The ways to write a number, a string, a truth value or null.</summary>
    public static IEnumerable<byte[]> Scalar(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String)
        {
            yield return String(value.GetString()!);
            yield break;
        }
        string raw = value.GetRawText();
        yield return Encoding.UTF8.GetBytes(raw);
        if (
            value.ValueKind == JsonValueKind.Number
            && ExactDecimal.Parse(raw) is { IsInteger: true } number
            && number.Floor().ToString(CultureInfo.InvariantCulture) is { } plain
            && plain != raw
        )
            yield return Encoding.UTF8.GetBytes(plain);
    }
}
