using System.Text;

namespace Hadal.Chat;

/// <summary>
/// Writes the content of an answer: ends it at a stop string, leaves out what is only white space beside calls, and puts off
/// text that stands inside a call until the call has ended. Not thread-safe.
/// </summary>
internal sealed class ContentWriter
{
    private readonly DeltaWriter _deltas;
    private readonly bool _hasTools;
    private readonly bool _hasStops;
    private readonly HeldText _text = new();
    private readonly StringBuilder _space = new();
    private readonly StringBuilder _later = new();
    private bool _isBlank = true;
    private bool _isBesideCalls;
    private bool _isInCall;

    /// <param name="deltas">Where it goes.</param>
    /// <param name="hasTools">Whether calls may come.</param>
    /// <param name="stopStrings">Texts that end it.</param>
    public ContentWriter(DeltaWriter deltas, bool hasTools, IReadOnlyList<string> stopStrings)
    {
        _deltas = deltas;
        _hasTools = hasTools;
        _hasStops = stopStrings.Count > 0;
        if (_hasStops)
            _text.LookFor(new StringAutomaton(stopStrings));
    }

    /// <summary>The stop string that has come; null for none.</summary>
    public string? StopString { get; private set; }

    /// <summary>Whether a stop string has come.</summary>
    public bool IsStopped => StopString is not null;

    /// <summary>Adds text.</summary>
    public void Write(ReadOnlySpan<char> text)
    {
        if (_hasTools && _isBlank)
        {
            if (text.IsWhiteSpace())
            {
                _space.Append(text);
                return;
            }
            _isBlank = false;
            Pass(_space);
        }
        Pass(text);
    }

    /// <summary>Ends a stretch of content at a mark of calls. A stop string does not reach across it.</summary>
    public void EndStretch()
    {
        _isBlank = true;
        _isBesideCalls = true;
        _space.Clear();
        Release(_text.Text.Length);
        _text.Clear();
    }

    /// <summary>A call begins.</summary>
    public void BeginCall() => _isInCall = true;

    /// <summary>A call ends: text that stood inside it follows.</summary>
    public void EndCall()
    {
        if (!_isInCall)
            return;
        _isInCall = false;
        Pass(_later);
        EndStretch();
    }

    /// <summary>Ends the content.</summary>
    public void Complete()
    {
        if (!_isBesideCalls)
            Pass(_space);
        Release(_text.Text.Length);
    }

    private void Pass(StringBuilder text)
    {
        foreach (ReadOnlyMemory<char> chunk in text.GetChunks())
            Pass(chunk.Span);
        text.Clear();
    }

    private void Pass(ReadOnlySpan<char> text)
    {
        if (IsStopped)
            return;
        if (_isInCall)
        {
            _later.Append(text);
            return;
        }
        if (!_hasStops)
        {
            _deltas.Write(ChatDeltaKind.Content, text);
            return;
        }
        foreach (char next in text)
        {
            int match = _text.Add(next);
            if (match == 0)
                continue;
            string stop = _text.Text[^match..].ToString();
            Release(_text.Text.Length - match);
            _text.Clear();
            StopString = stop;
            return;
        }
        Release(_text.FreeLength);
    }

    private void Release(int count)
    {
        _deltas.Write(ChatDeltaKind.Content, _text.Text[..count]);
        _text.Remove(count);
    }
}
