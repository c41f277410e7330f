using System.Buffers;

namespace Hadal.Chat;

/// <summary>The marks of the formats: what DeepSeek's tokenizers have as added tokens.</summary>
internal static class ChatMarks
{
    public const string Bos = "<｜begin▁of▁sentence｜>";
    public const string Eos = "<｜end▁of▁sentence｜>";
    public const string User = "<｜User｜>";
    public const string Assistant = "<｜Assistant｜>";
    public const string ThinkBegin = "<think>";
    public const string ThinkEnd = "</think>";
    public const string CallsBegin = "<｜tool▁calls▁begin｜>";
    public const string CallsEnd = "<｜tool▁calls▁end｜>";
    public const string CallBegin = "<｜tool▁call▁begin｜>";
    public const string CallEnd = "<｜tool▁call▁end｜>";
    public const string CallSeparator = "<｜tool▁sep｜>";
    public const string OutputBegin = "<｜tool▁output▁begin｜>";
    public const string OutputEnd = "<｜tool▁output▁end｜>";

    /// <summary>Part of V3.2's tags. A tokenizer need not have it: then it is plain text.</summary>
    public const string Dsml = "｜DSML｜";

    public const string FunctionCalls = $"<{Dsml}function_calls>";
    public const string FunctionCallsEnd = $"</{Dsml}function_calls>";

    /// <summary>A name follows.</summary>
    public const string Invoke = $"<{Dsml}invoke ";

    public const string InvokeEnd = $"</{Dsml}invoke>";

    /// <summary>Attributes follow.</summary>
    public const string Parameter = $"<{Dsml}parameter ";

    public const string ParameterEnd = $"</{Dsml}parameter>";

    private static readonly string[] s_all =
    [
        Bos,
        Eos,
        User,
        Assistant,
        ThinkBegin,
        ThinkEnd,
        CallsBegin,
        CallsEnd,
        CallBegin,
        CallEnd,
        CallSeparator,
        OutputBegin,
        OutputEnd,
        Dsml,
    ];

    private static readonly SearchValues<string> s_search = SearchValues.Create(
        s_all,
        StringComparison.Ordinal
    );

    /// <summary>Finds the first mark of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="mark">The mark; empty where there is none.</param>
    /// <returns>Where it begins; the text's length where there is none.</returns>
    public static int FindFirst(ReadOnlySpan<char> text, out string mark)
    {
        mark = "";
        int index = text.IndexOfAny(s_search);
        if (index < 0)
            return text.Length;
        // None begins with another.
        foreach (string each in s_all)
        {
            if (text[index..].StartsWith(each, StringComparison.Ordinal))
                mark = each;
        }
        return index;
    }
}
