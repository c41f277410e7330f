using System.Collections.Concurrent;

namespace Hadal.Chat;

/// <summary>Which marks may come when in an answer.</summary>
internal static class ParserMarks
{
    private static readonly Dictionary<string, ChatMark> s_marks = new()
    {
        [ChatMarks.ThinkEnd] = ChatMark.ThoughtEnd,
        [ChatMarks.CallsBegin] = ChatMark.SectionBegin,
        [ChatMarks.CallsEnd] = ChatMark.SectionEnd,
        [ChatMarks.CallBegin] = ChatMark.CallBegin,
        [ChatMarks.CallEnd] = ChatMark.CallEnd,
        [ChatMarks.CallSeparator] = ChatMark.NameEnd,
        [ChatMarks.FunctionCalls] = ChatMark.SectionBegin,
        [ChatMarks.FunctionCallsEnd] = ChatMark.SectionEnd,
        [ChatMarks.Invoke] = ChatMark.CallBegin,
        [ChatMarks.InvokeEnd] = ChatMark.CallEnd,
        [ChatMarks.Parameter] = ChatMark.ParameterBegin,
        [ChatMarks.ParameterEnd] = ChatMark.ParameterEnd,
    };

    private static readonly ConcurrentDictionary<
        (ChatFormat, ChatParserState, bool, bool),
        StringAutomaton?
    > s_automata = [];

    /// <summary>Finds the marks that may come in a state; null where none may.</summary>
    /// <param name="format">The model's format.</param>
    /// <param name="state">The state.</param>
    /// <param name="hasThought">Whether the end of a thought is still to come.</param>
    /// <param name="hasTools">Whether calls may come.</param>
    public static StringAutomaton? In(
        ChatFormat format,
        ChatParserState state,
        bool hasThought,
        bool hasTools
    ) =>
        s_automata.GetOrAdd(
            (format, state, hasThought, hasTools),
            static key =>
            {
                string[] texts = [.. Texts(key.Item1, key.Item2, key.Item3, key.Item4)];
                return texts.Length > 0 ? new StringAutomaton(texts) : null;
            }
        );

    /// <summary>The texts of the marks that may come in a state.</summary>
    internal static IEnumerable<string> Texts(
        ChatFormat format,
        ChatParserState state,
        bool hasThought,
        bool hasTools
    )
    {
        IEnumerable<string> calls = (format, state) switch
        {
            _ when !hasTools => [],
            (ChatFormat.V31, ChatParserState.Reasoning or ChatParserState.Content) =>
            [
                ChatMarks.CallsBegin,
                ChatMarks.CallBegin,
            ],
            (ChatFormat.V31, ChatParserState.Section) =>
            [
                ChatMarks.CallsBegin,
                ChatMarks.CallsEnd,
                ChatMarks.CallBegin,
                ChatMarks.CallEnd,
            ],
            (ChatFormat.V31, ChatParserState.Name) =>
            [
                ChatMarks.CallSeparator,
                ChatMarks.CallEnd,
                ChatMarks.CallsEnd,
                ChatMarks.CallBegin,
                ChatMarks.CallsBegin,
            ],
            (ChatFormat.V31, ChatParserState.Arguments) =>
            [
                ChatMarks.CallEnd,
                ChatMarks.CallsEnd,
                ChatMarks.CallBegin,
            ],
            (ChatFormat.V32, ChatParserState.Reasoning or ChatParserState.Content) =>
                AfterLineBreaks(2, ChatMarks.FunctionCalls, ChatMarks.Invoke),
            (ChatFormat.V32, ChatParserState.Section) => AfterLineBreaks(
                2,
                [
                    ChatMarks.FunctionCalls,
                    ChatMarks.FunctionCallsEnd,
                    ChatMarks.Invoke,
                    ChatMarks.InvokeEnd,
                    ChatMarks.ParameterEnd,
                ]
            ),
            (ChatFormat.V32, ChatParserState.Call) => AfterLineBreaks(
                2,
                [
                    ChatMarks.FunctionCalls,
                    ChatMarks.FunctionCallsEnd,
                    ChatMarks.Invoke,
                    ChatMarks.InvokeEnd,
                    ChatMarks.Parameter,
                    ChatMarks.ParameterEnd,
                ]
            ),
            // A value ends right before its end tag, but a line before the other tags.
            (ChatFormat.V32, ChatParserState.Value) =>
            [
                ChatMarks.ParameterEnd,
                .. AfterLineBreaks(
                    1,
                    ChatMarks.Parameter,
                    ChatMarks.InvokeEnd,
                    ChatMarks.FunctionCallsEnd,
                    ChatMarks.Invoke
                ),
            ],
            _ => [],
        };
        bool mayEndThought =
            hasThought
            && state
                is ChatParserState.Reasoning
                    or ChatParserState.Content
                    or ChatParserState.Section;
        return mayEndThought ? calls.Append(ChatMarks.ThinkEnd) : calls;
    }

    /// <summary>The mark of a text that was found.</summary>
    public static ChatMark Of(ReadOnlySpan<char> text) =>
        s_marks.GetAlternateLookup<ReadOnlySpan<char>>()[text.TrimStart('\n')];

    /// <summary>Each mark with up to <paramref name="most"/> line breaks before it, which belong to the mark.</summary>
    private static IEnumerable<string> AfterLineBreaks(int most, params string[] marks) =>
        from mark in marks
        from count in Enumerable.Range(0, most + 1)
        select new string('\n', count) + mark;
}
