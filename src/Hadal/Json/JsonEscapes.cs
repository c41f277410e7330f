using System.Globalization;
using System.Text;

namespace Hadal.Json;

/// <summary>The inside of JSON strings with as few escapes as may be, as Python's <c>json.dumps(ensure_ascii=False)</c> writes it.</summary>
internal static class JsonEscapes
{
    /// <summary>Adds a text: quotes, backslashes and control characters below U+0020 are escaped, and nothing else.</summary>
    public static StringBuilder AppendEscaped(this StringBuilder builder, ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' => builder.Append("\\\""),
                '\\' => builder.Append("\\\\"),
                '\b' => builder.Append("\\b"),
                '\f' => builder.Append("\\f"),
                '\n' => builder.Append("\\n"),
                '\r' => builder.Append("\\r"),
                '\t' => builder.Append("\\t"),
                < ' ' => builder.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => builder.Append(c),
            };
        }
        return builder;
    }
}
