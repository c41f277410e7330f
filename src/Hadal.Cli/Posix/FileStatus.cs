using System.Runtime.InteropServices;

namespace Hadal.Cli.Posix;

/// <summary><c>struct statx</c>, of which only these are looked at.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal readonly struct FileStatus
{
    private const int TypeMask = 0xf000;
    private const int RegularType = 0x8000;

    [FieldOffset(28)]
    private readonly ushort _mode;

    [FieldOffset(32)]
    private readonly ulong _inode;

    [FieldOffset(136)]
    private readonly uint _deviceMajor;

    [FieldOffset(140)]
    private readonly uint _deviceMinor;

    /// <summary>Whether it is a plain file: no folder, device, pipe or socket.</summary>
    public bool IsRegular => (_mode & TypeMask) == RegularType;

    /// <summary>The same for all names of a file, and for no other file.</summary>
    public (uint, uint, ulong) Identity => (_deviceMajor, _deviceMinor, _inode);
}
