using System.Runtime.InteropServices;

namespace Hadal.Chat;

/// <summary>Text that is not passed on yet, as its end may begin one of some strings. Not thread-safe.</summary>
internal sealed class HeldText
{
    private readonly List<char> _text = [];
    private StringAutomaton? _strings;
    private int _state;

    /// <summary>All of it.</summary>
    public ReadOnlySpan<char> Text => CollectionsMarshal.AsSpan(_text);

    /// <summary>How much of it can be part of none of the strings.</summary>
    public int FreeLength => _text.Count - (_strings?.Depth(_state) ?? 0);

    /// <summary>Looks for other strings, from the end of the text on.</summary>
    public void LookFor(StringAutomaton? strings)
    {
        _strings = strings;
        _state = 0;
    }

    /// <summary>Adds a character.</summary>
    /// <returns>The length of the longest of the strings that the text ends with now; 0 if with none.</returns>
    public int Add(char next)
    {
        _text.Add(next);
        if (_strings is null)
            return 0;
        _state = _strings.Next(_state, next);
        return _strings.Match(_state);
    }

    /// <summary>Adds a character that is not looked at.</summary>
    public void AddUnseen(char next) => _text.Add(next);

    /// <summary>Takes the first characters away.</summary>
    public void Remove(int count) => _text.RemoveRange(0, count);

    /// <summary>Takes all away, and looks for the same strings from here on.</summary>
    public void Clear()
    {
        _text.Clear();
        _state = 0;
    }
}
