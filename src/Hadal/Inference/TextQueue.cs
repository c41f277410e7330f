namespace Hadal.Inference;

/// <summary>Characters in, strings out, in order. Allocates no buffer while as much is taken as comes. Not thread-safe.</summary>
internal sealed class TextQueue
{
    private char[] _chars = new char[256];
    private int _start;
    private int _end;

    public void Append(ReadOnlySpan<char> text)
    {
        if (text.Length > _chars.Length - _end)
            MakeRoom(text.Length);
        text.CopyTo(_chars.AsSpan(_end));
        _end += text.Length;
    }

    public string Take(int length)
    {
        string text = new(_chars, _start, length);
        _start += length;
        return text;
    }

    public void Clear() => _start = _end = 0;

    private void MakeRoom(int more)
    {
        int length = _end - _start;
        // What is held moves when at least as much has been taken, so that a character moves but a few times.
        char[] to =
            length + (long)more > _chars.Length / 2
                ? new char[Math.Max(length + more, 2 * _chars.Length)]
                : _chars;
        _chars.AsSpan(_start, length).CopyTo(to);
        _chars = to;
        _start = 0;
        _end = length;
    }
}
