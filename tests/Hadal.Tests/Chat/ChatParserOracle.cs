using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Hadal.Chat;

namespace Hadal.Tests.Chat;

/// <summary>
/// The parser's rules again, over the whole text at once: regular expressions find the marks of a state. For texts that have
/// tools, no stop strings, no surrogates and no unfinished mark at the end.
/// </summary>
internal sealed class ChatParserOracle
{
    private static readonly ConcurrentDictionary<string, Regex> s_regexes = [];

    private readonly StringBuilder _reasoning = new();
    private readonly StringBuilder _content = new();
    private readonly StringBuilder _arguments = new();
    private string? _name;
    private string _later = "";
    private bool _isBesideCalls;

    public string Reasoning => _reasoning.ToString();

    public string Content => _content.ToString();

    public List<(string Name, string Arguments)> Calls { get; } = [];

    public static ChatParserOracle Of(string text, ChatFormat format, bool thinking)
    {
        var oracle = new ChatParserOracle();
        if (format == ChatFormat.V32)
            oracle.ReadV32(text, thinking);
        else
            oracle.ReadV31(text, thinking);
        return oracle;
    }

    private void ReadV32(string text, bool hasThought)
    {
        string state = hasThought ? "thought" : "content";
        string parameter = "";
        bool isString = false;
        for (int at = 0; ; )
        {
            string marks = state switch
            {
                "thought" or "content" => @"\n{0,2}(?:<D(?<o>function_calls)>|<D(?<o>invoke) T)",
                "section" =>
                    @"\n{0,2}(?:<D(?<o>function_calls)>|<D(?<o>invoke) T|</D(?<c>invoke|parameter|function_calls)>)",
                "call" =>
                    @"\n{0,2}(?:<D(?<o>function_calls)>|<D(?<o>invoke|parameter) T|</D(?<c>invoke|parameter|function_calls)>)",
                _ =>
                    @"\n?(?:<D(?<o>invoke|parameter) T|</D(?<c>invoke|function_calls)>)|</D(?<c>parameter)>",
            };
            if (hasThought && state is not ("call" or "value"))
                marks += "|(?<t></think>)";
            Match mark = Find(
                text,
                at,
                marks
                    .Replace("D", "｜DSML｜")
                    .Replace(
                        "T",
                        """(?: *(?:name=(?:"(?<name>[^"<\n\r]*)"|(?<name>[^ "<>\n\r]+))|string=(?:"(?<string>[^"<\n\r]*)"|(?<string>[^ "<>\n\r]+)))(?= |>))* *>"""
                    )
            );
            string piece = mark.Success ? text[at..mark.Index] : text[at..];
            if (state == "thought")
                _reasoning.Append(piece);
            else if (state == "value")
                AddParameter(parameter, isString, piece);
            else
                AddContent(piece, mark.Success && mark.Value != "</think>" || _isBesideCalls);
            if (!mark.Success)
                break;
            at = mark.Index + mark.Length;
            if (mark.Groups["t"].Success)
            {
                hasThought = false;
                state = state == "thought" ? "content" : state;
                continue;
            }
            _isBesideCalls = true;
            string open = mark.Groups["o"].Value;
            string close = mark.Groups["c"].Value;
            if (open == "parameter")
            {
                parameter = mark.Groups["name"].Value;
                isString = mark.Groups["string"].Value == "true";
                state = "value";
            }
            else if (close == "parameter")
            {
                state = state == "value" ? "call" : state;
            }
            else
            {
                EndObject();
                _name = open == "invoke" ? mark.Groups["name"].Value : null;
                state =
                    open == "invoke" ? "call"
                    : close == "function_calls" ? "content"
                    : "section";
            }
        }
        EndObject();
    }

    private void ReadV31(string text, bool hasThought)
    {
        string state = hasThought ? "thought" : "content";
        string name = "";
        for (int at = 0; ; )
        {
            string marks = state switch
            {
                "thought" or "content" => "<Tcalls▁begin｜>|<Tcall▁begin｜>",
                "section" => "<Tcalls?▁(begin|end)｜>",
                "name" => "<Tcalls?▁(begin|end)｜>|<Tsep｜>",
                _ => "<Tcalls?▁end｜>|<Tcall▁begin｜>",
            };
            if (hasThought && state is not ("name" or "arguments"))
                marks += "|</think>";
            Match mark = Find(text, at, marks.Replace("T", "｜tool▁"));
            string piece = mark.Success ? text[at..mark.Index] : text[at..];
            if (state == "thought")
                _reasoning.Append(piece);
            else if (state == "name" && mark.Value.Contains("sep"))
                name = piece.Trim();
            else if (state == "name" && piece.Trim() != "")
                Calls.Add((piece.Trim(), "{}"));
            else if (state == "arguments")
                Calls.Add((name, piece.Trim() == "" ? "{}" : piece));
            else if (state is "content" or "section")
                AddContent(piece, mark.Success && mark.Value != "</think>" || _isBesideCalls);
            if (!mark.Success)
                return;
            at = mark.Index + mark.Length;
            if (mark.Value == "</think>")
            {
                hasThought = false;
                state = state == "thought" ? "content" : state;
                continue;
            }
            _isBesideCalls = true;
            state =
                mark.Value.Contains("sep") ? "arguments"
                : mark.Value.Contains("call▁begin") ? "name"
                : mark.Value.Contains("calls▁end") ? "content"
                : "section";
        }
    }

    /// <summary>The first mark. A tag must have one name.</summary>
    private static Match Find(string text, int at, string marks)
    {
        Regex regex = s_regexes.GetOrAdd(
            marks,
            static text => new Regex(text, RegexOptions.CultureInvariant)
        );
        Match match = regex.Match(text, at);
        while (match.Success && IsNoTag(match))
            match = regex.Match(text, match.Index + match.Length);
        return match;

        static bool IsNoTag(Match match) =>
            match.Groups["o"].Value is "invoke" or "parameter"
            && (
                match.Groups["name"].Captures.Count != 1
                || match.Groups["name"].Value.Length == 0
                || match.Groups["string"].Captures.Count > 1
                || match.Groups["string"] is { Success: true, Value: not ("true" or "false") }
            );
    }

    private void AddContent(string text, bool isBesideMark)
    {
        if (isBesideMark && string.IsNullOrWhiteSpace(text))
            return;
        if (_name is null)
            _content.Append(text);
        else
            _later += text;
    }

    private void AddParameter(string name, bool isString, string value)
    {
        string written = !isString && IsJson(value) ? value.Trim() : Quoted(value);
        _arguments.Append(_arguments.Length == 0 ? "{" : ", ");
        _arguments.Append(Quoted(name)).Append(": ").Append(written);
    }

    private void EndObject()
    {
        if (_name is null)
            return;
        Calls.Add((_name, _arguments.Length == 0 ? "{}" : _arguments + "}"));
        _arguments.Clear();
        _content.Append(_later);
        _later = "";
        _name = null;
    }

    private static bool IsJson(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>The fuzzed texts have these three to escape.</summary>
    private static string Quoted(string text) =>
        "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n") + "\"";
}
