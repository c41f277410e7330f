using System.Runtime.InteropServices;

namespace Hadal.Cli.Posix;

/// <summary>What .NET does not offer of the C library. Numbers are Linux's, the same on every processor.</summary>
internal static unsafe partial class Libc
{
    public const int GetDescriptorFlags = 1;
    public const nuint GetWindowSize = 0x5413;
    public const int CloseOnExec = 1;
    public const int CurrentFolder = -100;
    public const uint BasicStats = 0x7ff;
    public const short Readable = 1;
    public const short Writable = 4;
    public const int Interrupted = 4;
    public const int TryAgain = 11;
    public const int BrokenPipe = 32;

    /// <returns>Bytes written, or -1.</returns>
    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int descriptor, byte* bytes, nint count);

    /// <returns>Bytes read, 0 at the end, or -1.</returns>
    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(int descriptor, byte* bytes, nint count);

    /// <summary>Waits until descriptors are ready.</summary>
    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(PollDescriptor* descriptors, nuint count, int milliseconds);

    /// <returns>Depends on the command; -1 for an error.</returns>
    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    public static partial int Control(int descriptor, int command);

    /// <summary>Asks a device.</summary>
    /// <returns>-1 for an error.</returns>
    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Control(int descriptor, nuint request, out WindowSize size);

    /// <summary>Tells of the file that a path leads to, through symbolic links.</summary>
    /// <returns>0, or -1.</returns>
    [LibraryImport(
        "libc",
        EntryPoint = "statx",
        SetLastError = true,
        StringMarshalling = StringMarshalling.Utf8
    )]
    public static partial int Stat(
        int folder,
        string path,
        int flags,
        uint fields,
        out FileStatus status
    );
}
