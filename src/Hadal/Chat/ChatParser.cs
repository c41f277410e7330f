using System.Text;

namespace Hadal.Chat;

/// <summary>
/// Tells reasoning, content and tool calls of an answer apart while it comes. The same deltas, joined, come of every way that a
/// text is split, and no text makes it throw. One for each answer; not thread-safe.
/// </summary>
/// <remarks>
/// <para>Nothing is lost: each character comes out once, in the arguments of a V3.2 call escaped as JSON asks. What does not come
/// out: marks; up to two line breaks before a V3.2 mark; text between two marks, or between a mark and either end of the
/// content, that is only white space; a stop string and what follows; half a mark at the end of an answer inside a
/// section; and what a cut leaves undecided of a call (see <see cref="Complete"/>). A lone half of a surrogate pair comes out as
/// U+FFFD.</para>
/// <para>Held back are: the longest end of the text that may begin a mark or a stop string; white space at the beginning of the
/// content or after a mark; the name of a V3.1 call; a V3.2 value with <c>string="false"</c>; and text inside a V3.2 call but
/// outside its parameters.</para>
/// <para>Values of V3.2: one with <c>string="true"</c> becomes a JSON string, bit by bit as it comes. One with
/// <c>string="false"</c>, or without <c>string</c>, is passed on as it is if it is one JSON value, without the white space around
/// it; else it becomes a JSON string. A parameter that comes twice is written twice: most JSON readers take the last. Arguments
/// of V3.1 are passed on unchecked.</para>
/// <para>Marks that are missing or broken:</para>
/// <list type="bullet">
/// <item>A section or a call ends an open thought. One <c>&lt;/think&gt;</c> after it is still a mark.</item>
/// <item>A call needs no section.</item>
/// <item>The end of a call ends its parameter; the next parameter does, too. The next call, the end of the section and the end of
/// the answer end an open call.</item>
/// <item>The end tag of what is not open is dropped inside a section, and is text outside.</item>
/// <item>A tag whose attributes cannot be read is text, in the place where it stands.</item>
/// <item>Text inside a V3.2 call but outside its parameters is content, after the call.</item>
/// <item>A V3.1 call without a separator has no arguments. Without a name either it is no call.</item>
/// </list>
/// </remarks>
public sealed class ChatParser
{
    private const char Bar = '｜';

    private readonly ChatFormat _format;
    private readonly bool _hasTools;
    private readonly DeltaWriter _deltas = new();
    private readonly ContentWriter _content;
    private readonly CallWriter _calls;
    private readonly HeldText _text = new();
    private readonly StringBuilder _name = new();
    private ChatParserState _state;
    private TagAttributes? _tag;
    private ChatMark _tagMark;
    private bool _hasThought;
    private char _highSurrogate;
    private bool _isComplete;

    /// <summary>Begins an answer.</summary>
    /// <param name="format">The model's format.</param>
    /// <param name="thinking">Whether the prompt ends in <c>&lt;think&gt;</c>, so that the answer begins with a thought.</param>
    /// <param name="hasTools">Whether calls are looked for: without tools, their marks are content.</param>
    /// <param name="stopStrings">
    /// Texts that end the content; neither they nor anything after comes out. They are not looked for in thoughts and calls,
    /// nor across a call.
    /// </param>
    /// <exception cref="ArgumentException">
    /// A stop string is empty; or V3 is asked to think or to call, for which its format has no reliable marks.
    /// </exception>
    public ChatParser(
        ChatFormat format,
        bool thinking,
        bool hasTools,
        IReadOnlyList<string>? stopStrings = null
    )
    {
        if (!Enum.IsDefined(format))
            throw new ArgumentOutOfRangeException(nameof(format), format, "must be V3, V31 or V32");
        if (format == ChatFormat.V3 && (thinking || hasTools))
            throw new ArgumentException(
                "DeepSeek-V3's format has no thoughts and no reliable tool calls; use V3.1 or V3.2",
                nameof(format)
            );
        if (stopStrings is not null && stopStrings.Any(string.IsNullOrEmpty))
            throw new ArgumentException("A stop string must not be empty", nameof(stopStrings));
        _format = format;
        _hasTools = hasTools;
        _hasThought = thinking;
        _calls = new CallWriter(_deltas);
        _content = new ContentWriter(_deltas, hasTools, stopStrings ?? []);
        Enter(thinking ? ChatParserState.Reasoning : ChatParserState.Content);
    }

    /// <summary>Whether a stop string has come: what follows is ignored.</summary>
    public bool IsStopped => _content.IsStopped;

    /// <summary>The stop string that has come: of several that end at one character the longest; null for none.</summary>
    public string? StopString => _content.StopString;

    /// <summary>Whether what comes next belongs to the thought.</summary>
    public bool IsThinking => _state == ChatParserState.Reasoning;

    /// <summary>Calls that are whole.</summary>
    public int CallCount => _calls.Count;

    /// <summary>Takes the next part of the answer.</summary>
    /// <param name="text">The text, special marks included; may be empty.</param>
    /// <param name="deltas">Gets what is certain since.</param>
    /// <exception cref="InvalidOperationException">The answer has ended.</exception>
    public void Append(ReadOnlySpan<char> text, ICollection<ChatDelta> deltas)
    {
        Begin(deltas);
        foreach (char next in text)
            NextUtf16(next);
        if (_tag is null)
            Release(_text.FreeLength);
        _deltas.Flush();
    }

    /// <summary>Ends the answer: what was held back is decided.</summary>
    /// <param name="isCut">
    /// Whether the answer was cut, by a limit of tokens or of time, so that a call may be half there. Such a call gets no
    /// <see cref="ChatDeltaKind.CallEnd"/> and is not counted. The arguments that have come are the beginning of a JSON object;
    /// a value that was held back, and a name, are dropped. A call that was not cut is ended.
    /// </param>
    /// <param name="deltas">
    /// Gets the rest. The unfinished beginning of a mark is text, but inside a section it is dropped; where nothing was cut, only
    /// if it has the marks' <c>｜</c>.
    /// </param>
    /// <exception cref="InvalidOperationException">The answer has ended.</exception>
    public void Complete(bool isCut, ICollection<ChatDelta> deltas)
    {
        Begin(deltas);
        _isComplete = true;
        EndSurrogate();
        bool isInSection = _state is not (ChatParserState.Reasoning or ChatParserState.Content);
        // A "<" that nothing cuts is text there, too: only marks have the bar.
        if (!isInSection || (!isCut && !_text.Text.Contains(Bar)))
            Release(_text.Text.Length);
        if (!isCut)
            EndCall();
        _content.EndCall();
        _content.Complete();
        _deltas.Flush();
    }

    private void Begin(ICollection<ChatDelta> deltas)
    {
        ArgumentNullException.ThrowIfNull(deltas);
        if (_isComplete)
            throw new InvalidOperationException(
                "The answer has ended; begin another with a new ChatParser"
            );
        _deltas.Deltas = deltas;
    }

    /// <summary>Keeps surrogate pairs together.</summary>
    private void NextUtf16(char next)
    {
        if (_highSurrogate != 0 && char.IsLowSurrogate(next))
        {
            Next(_highSurrogate);
            _highSurrogate = '\0';
            Next(next);
            return;
        }
        EndSurrogate();
        if (char.IsHighSurrogate(next))
            _highSurrogate = next;
        else
            Next(char.IsLowSurrogate(next) ? '\uFFFD' : next);
    }

    private void EndSurrogate()
    {
        if (_highSurrogate != 0)
            Next('\uFFFD');
        _highSurrogate = '\0';
    }

    private void Next(char next)
    {
        if (IsStopped)
            return;
        if (_tag is { } tag)
        {
            switch (tag.Next(next))
            {
                case TagStep.Open:
                    _text.AddUnseen(next);
                    return;
                case TagStep.Whole:
                    Take(_tagMark, tag);
                    return;
            }
            // No mark begins inside what was read: a tag has neither line breaks nor "<".
            _tag = null;
            Release(_text.Text.Length);
            _text.Clear();
        }
        int length = _text.Add(next);
        if (length == 0)
            return;
        Release(_text.Text.Length - length);
        ChatMark mark = ParserMarks.Of(_text.Text);
        if (_format == ChatFormat.V32 && mark is ChatMark.CallBegin or ChatMark.ParameterBegin)
        {
            _tag = new TagAttributes();
            _tagMark = mark;
        }
        else
        {
            Take(mark, null);
        }
    }

    /// <summary>Gives the first of the held characters to what they belong to.</summary>
    private void Release(int count)
    {
        ReadOnlySpan<char> text = _text.Text[..count];
        switch (_state)
        {
            case ChatParserState.Reasoning:
                _deltas.Write(ChatDeltaKind.Reasoning, text);
                break;
            case ChatParserState.Content or ChatParserState.Section or ChatParserState.Call:
                _content.Write(text);
                break;
            case ChatParserState.Name:
                _name.Append(text);
                break;
            case ChatParserState.Arguments:
                _calls.WriteArguments(text);
                break;
            case ChatParserState.Value:
                _calls.WriteValue(text);
                break;
        }
        _text.Remove(count);
    }

    private void Take(ChatMark mark, TagAttributes? tag)
    {
        if (IsStopped)
            return;
        _tag = null;
        _text.Clear();
        if (_state != ChatParserState.Reasoning || mark != ChatMark.ThoughtEnd)
            _content.EndStretch();
        if (
            mark
            is ChatMark.SectionBegin
                or ChatMark.SectionEnd
                or ChatMark.CallBegin
                or ChatMark.CallEnd
        )
            EndCall();
        Enter(After(mark, tag));
    }

    private ChatParserState After(ChatMark mark, TagAttributes? tag)
    {
        switch (mark)
        {
            case ChatMark.ThoughtEnd:
                _hasThought = false;
                return _state == ChatParserState.Reasoning ? ChatParserState.Content : _state;
            case ChatMark.SectionEnd:
                return ChatParserState.Content;
            case ChatMark.CallBegin when tag is null:
                return ChatParserState.Name;
            case ChatMark.CallBegin:
                BeginCall(tag.Name);
                return ChatParserState.Call;
            case ChatMark.NameEnd:
                BeginNamedCall();
                return ChatParserState.Arguments;
            case ChatMark.ParameterBegin:
                _calls.BeginParameter(tag!.Name, tag.IsString);
                return ChatParserState.Value;
            case ChatMark.ParameterEnd:
                _calls.EndParameter();
                return _state == ChatParserState.Value ? ChatParserState.Call : _state;
            default: // SectionBegin, CallEnd
                return ChatParserState.Section;
        }
    }

    private void Enter(ChatParserState state)
    {
        _state = state;
        _text.LookFor(ParserMarks.In(_format, state, _hasThought, _hasTools));
    }

    private void BeginNamedCall()
    {
        BeginCall(_name.ToString().Trim());
        _name.Clear();
    }

    private void BeginCall(string name)
    {
        // Text of the call before, which is content, may have ended the answer.
        if (IsStopped)
            return;
        _calls.Begin(name);
        _content.BeginCall();
    }

    private void EndCall()
    {
        if (_state == ChatParserState.Name && !string.IsNullOrWhiteSpace(_name.ToString()))
            BeginNamedCall();
        _name.Clear();
        if (!_calls.IsOpen)
            return;
        _calls.End();
        _content.EndCall();
    }
}
