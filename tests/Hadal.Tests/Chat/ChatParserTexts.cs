namespace Hadal.Tests.Chat;

/// <summary>Answers as the models write them.</summary>
internal static class ChatParserTexts
{
    public const string Section = "<｜DSML｜function_calls>";
    public const string SectionEnd = "</｜DSML｜function_calls>";
    public const string InvokeEnd = "</｜DSML｜invoke>";
    public const string ParameterEnd = "</｜DSML｜parameter>";

    public const string CallsBegin = "<｜tool▁calls▁begin｜>";
    public const string CallsEnd = "<｜tool▁calls▁end｜>";
    public const string CallBegin = "<｜tool▁call▁begin｜>";
    public const string CallEnd = "<｜tool▁call▁end｜>";
    public const string Separator = "<｜tool▁sep｜>";

    public static string Invoke(string name) => $"<｜DSML｜invoke name=\"{name}\">";

    public static string Open(string name, bool isString = true) =>
        $"<｜DSML｜parameter name=\"{name}\" string=\"{(isString ? "true" : "false")}\">";

    public static string Parameter(string name, string value, bool isString = true) =>
        Open(name, isString) + value + ParameterEnd;

    /// <summary>A whole call as V3.2's encoder writes it.</summary>
    public static string Call(string name, params string[] parameters) =>
        $"{Invoke(name)}\n{string.Join('\n', parameters)}\n{InvokeEnd}\n";

    /// <summary>A whole section as V3.2's encoder writes it, with the blank line before it.</summary>
    public static string Calls(params string[] calls) =>
        $"\n\n{Section}\n{string.Concat(calls)}{SectionEnd}";

    /// <summary>A whole call as V3.1's template writes it.</summary>
    public static string CallV31(string name, string arguments) =>
        CallBegin + name + Separator + arguments + CallEnd;

    /// <summary>A thought, content and two calls, with text that looks like marks.</summary>
    public static readonly string AnswerV32 =
        "a <thought>\n</thin</think>Hello <｜DSM\n🐢"
        + Calls(
            Call(
                "get_depth",
                Parameter("place", "Challenger \"Deep\"\n2>&1 </｜DSML｜para 🐢\n"),
                Parameter("n", " [1, {\"a\": 2.50}]\n", isString: false)
            ),
            Call("now")
        );

    /// <summary>The same in V3.1's format.</summary>
    public static readonly string AnswerV31 =
        "a <thought>\n</thin</think>Hello <｜tool▁cal\n🐢"
        + CallsBegin
        + CallV31("get_depth", "{\"place\": \"<｜tool▁call▁en 🐢\", \"n\": {\"a\": {}}}")
        + CallV31("now", "{}")
        + CallsEnd;
}
