using System.Globalization;
using System.Text;
using System.Text.Json;
using Hadal.Json;

namespace Hadal.Chat;

/// <summary>
/// JSON as Python's <c>json.dumps(json.loads(text), ensure_ascii=False)</c> writes it, which the models were trained on: keys in
/// their order, <c>", "</c> and <c>": "</c> between, nothing escaped but quotes, backslashes and control characters below
/// U+0020, a number with a fraction or an exponent as the shortest text of its double.
/// </summary>
internal static class PythonJson
{
    /// <summary>Deeper values are refused; System.Text.Json reads 64 levels unless it is told otherwise.</summary>
    public const int MaxDepth = 256;

    /// <summary>The text of a value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="path">What errors call it.</param>
    /// <exception cref="ConversationException">A text in it has half of a surrogate pair, or is not UTF-8; or it is too deep.</exception>
    public static string Write(JsonElement value, string path)
    {
        var text = new StringBuilder();
        Append(text, value, path, 0);
        return text.ToString();
    }

    /// <summary>The members of an object. Of several of one name the last counts, in the place of the first.</summary>
    /// <exception cref="ConversationException">A name has half of a surrogate pair, or is not UTF-8.</exception>
    public static OrderedDictionary<string, JsonElement> Members(JsonElement value, string path)
    {
        var members = new OrderedDictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (JsonProperty member in value.EnumerateObject())
            members[Unicode(() => member.Name, path)] = member.Value;
        return members;
    }

    /// <summary>The text of a string.</summary>
    /// <exception cref="ConversationException">It has half of a surrogate pair, or is not UTF-8.</exception>
    public static string Text(JsonElement value, string path) =>
        Unicode(() => value.GetString()!, path);

    private static string Unicode(Func<string> read, string path)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException e)
        {
            throw new ConversationException(
                path,
                "holds what is not Unicode text, such as half of a surrogate pair",
                e
            );
        }
    }

    private static void Append(StringBuilder text, JsonElement value, string path, int depth)
    {
        if (depth > MaxDepth)
            throw new ConversationException(path, $"is nested deeper than {MaxDepth} levels");
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                text.Append('{');
                foreach ((string name, JsonElement member) in Members(value, path))
                {
                    Separate(text, '{');
                    AppendQuoted(text, name);
                    text.Append(": ");
                    Append(text, member, path, depth + 1);
                }
                text.Append('}');
                break;
            case JsonValueKind.Array:
                text.Append('[');
                foreach (JsonElement element in value.EnumerateArray())
                {
                    Separate(text, '[');
                    Append(text, element, path, depth + 1);
                }
                text.Append(']');
                break;
            case JsonValueKind.String:
                AppendQuoted(text, Text(value, path));
                break;
            case JsonValueKind.Number:
                text.Append(Number(value.GetRawText()));
                break;
            default:
                text.Append(value.GetRawText());
                break;
        }
    }

    private static void Separate(StringBuilder text, char opening)
    {
        if (text[^1] != opening)
            text.Append(", ");
    }

    private static void AppendQuoted(StringBuilder text, string value) =>
        text.Append('"').AppendEscaped(value).Append('"');

    private static string Number(string json) =>
        json.AsSpan().ContainsAny('.', 'e', 'E') ? Float(json)
        : json == "-0" ? "0" // Python's integers have no negative zero.
        : json;

    /// <summary>Python's <c>repr</c> of a float: 1e16 and more, and less than 1e-4, have an exponent, of two digits or more.</summary>
    private static string Float(string json)
    {
        double value = double.Parse(json, NumberStyles.Float, CultureInfo.InvariantCulture);
        string sign = double.IsNegative(value) ? "-" : "";
        if (double.IsInfinity(value))
            return $"{sign}Infinity";
        (string digits, int exponent) = Shortest(Math.Abs(value));
        string number = exponent switch
        {
            < -4 or > 15 =>
                $"{digits[..1]}{(digits.Length > 1 ? "." : "")}{digits[1..]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}",
            < 0 => $"0.{new string('0', -exponent - 1)}{digits}",
            _ when digits.Length <= exponent + 1 => $"{digits.PadRight(exponent + 1, '0')}.0",
            _ => $"{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}",
        };
        return sign + number;
    }

    /// <summary>The fewest digits that give a double back, and the power of ten of the first of them.</summary>
    private static (string Digits, int Exponent) Shortest(double value)
    {
        string[] parts = value.ToString("R", CultureInfo.InvariantCulture).Split('E');
        int point = parts[0].Split('.')[0].Length;
        string all = parts[0].Replace(".", "", StringComparison.Ordinal);
        string digits = all.TrimStart('0');
        int power = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0;
        return digits.Length == 0
            ? ("0", 0)
            : (digits.TrimEnd('0'), power + point - 1 - (all.Length - digits.Length));
    }
}
