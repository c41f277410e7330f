using System.Text.RegularExpressions;
using Hadal.Bindings.Generator.Model;

namespace Hadal.Bindings.Generator;

/// <summary>
/// Splits the raw text of a Doxygen comment into sections. CppSharp's own comment tree is not used: its command kinds
/// follow the clang that it was written for, and are off by one with clang 19.
/// </summary>
internal static partial class CommentReader
{
    /// <summary>
    /// The first paragraph is the summary, further ones are remarks; <c>@param</c> and <c>@return</c> start sections
    /// that end at the next command or empty line.
    /// </summary>
    /// <param name="raw">The comment with its delimiters, or null.</param>
    public static Documentation Read(string? raw)
    {
        if (string.IsNullOrWhiteSpace(raw))
        {
            return Documentation.None;
        }
        var paragraphs = new List<string>();
        var parameters = new List<(string, string)>();
        var returns = "";
        foreach (var paragraph in Paragraphs(raw))
        {
            if (Param().Match(paragraph) is { Success: true } param)
            {
                parameters.Add((param.Groups["name"].Value, param.Groups["text"].Value));
            }
            else if (Return().Match(paragraph) is { Success: true } result)
            {
                returns = result.Groups["text"].Value;
            }
            else
            {
                paragraphs.Add(paragraph);
            }
        }
        return new Documentation(
            paragraphs.FirstOrDefault(""),
            string.Join(" ", paragraphs.Skip(1)),
            parameters,
            returns
        );
    }

    private static List<string> Paragraphs(string raw)
    {
        var paragraphs = new List<string>();
        var open = false;
        foreach (var line in raw.Trim().Split('\n'))
        {
            var text = Delimiters().Replace(line, "").Trim();
            if (text.Length == 0)
            {
                open = false;
            }
            else if (open && text[0] != '@')
            {
                paragraphs[^1] += " " + text;
            }
            else
            {
                paragraphs.Add(text);
                open = true;
            }
        }
        return paragraphs;
    }

    [GeneratedRegex(@"^\s*/\*\*<?|\*/\s*$|^\s*\*(?!/)")]
    private static partial Regex Delimiters();

    [GeneratedRegex(@"^@param(\[\w+\])?\s+(?<name>\w+)\s+(?<text>.+)$")]
    private static partial Regex Param();

    [GeneratedRegex(@"^@returns?\s+(?<text>.+)$")]
    private static partial Regex Return();
}
