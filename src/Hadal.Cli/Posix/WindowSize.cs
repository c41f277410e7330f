namespace Hadal.Cli.Posix;

/// <summary><c>struct winsize</c>.</summary>
internal readonly struct WindowSize
{
    private readonly ushort _rows;
    private readonly ushort _columns;
    private readonly uint _pixels;

    /// <summary>Characters of a line; 0 where it is not known.</summary>
    public int Columns => _columns;
}
