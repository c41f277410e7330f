using System.Text;

namespace Hadal.Chat;

/// <summary>Joins what comes in a row for the same part of an answer into one delta. Not thread-safe.</summary>
internal sealed class DeltaWriter
{
    private readonly StringBuilder _text = new();
    private ChatDeltaKind _kind;
    private int _call;

    /// <summary>Where the deltas go.</summary>
    public ICollection<ChatDelta> Deltas { get; set; } = [];

    /// <summary>Adds text to a part.</summary>
    public void Write(ChatDeltaKind kind, ReadOnlySpan<char> text, int call = -1)
    {
        if (text.IsEmpty)
            return;
        if (kind != _kind || call != _call)
            Flush();
        _kind = kind;
        _call = call;
        _text.Append(text);
    }

    /// <summary>Adds a delta that is whole.</summary>
    public void Add(ChatDelta delta)
    {
        Flush();
        Deltas.Add(delta);
    }

    /// <summary>Hands out what was written.</summary>
    public void Flush()
    {
        if (_text.Length == 0)
            return;
        Deltas.Add(new ChatDelta(_kind, _text.ToString(), _call));
        _text.Clear();
    }
}
