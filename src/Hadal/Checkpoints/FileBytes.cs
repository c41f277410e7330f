using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hadal.Checkpoints;

/// <summary>
/// The bytes of a file, mapped or read into memory. <see cref="Dispose"/> ends access through <see cref="Pointer"/> at once;
/// the memory itself goes when the last of those who hold it lets go. Thread-safe.
/// </summary>
internal sealed unsafe class FileBytes : IDisposable
{
    private const int ReadLength = 64 << 20;

    private readonly Lock _gate = new();
    private readonly SafeBuffer _memory;
    private readonly byte* _pointer;
    private int _holders = 1; // The owner is one.
    private bool _disposed;

    private FileBytes(string path, SafeBuffer memory, long pointerOffset, long length)
    {
        Path = path;
        Length = length;
        _memory = memory;
        _pointer = (byte*)memory.DangerousGetHandle() + pointerOffset;
    }

    public string Path { get; }

    public long Length { get; }

    /// <summary>The first byte; valid until <see cref="Dispose"/>, and for a holder until it lets go.</summary>
    public byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed), this);
            return _pointer;
        }
    }

    /// <param name="path">The file.</param>
    /// <param name="minLength">Fewer bytes are refused, as an empty file can't be mapped.</param>
    /// <param name="mapping">Whether it is mapped or read.</param>
    /// <param name="cancellationToken">Looked at while it is read.</param>
    public static FileBytes Open(
        string path,
        long minLength,
        WeightMapping mapping,
        CancellationToken cancellationToken
    )
    {
        try
        {
            using var stream = new FileStream(
                path,
                new FileStreamOptions { Access = FileAccess.Read, BufferSize = 0 }
            );
            long length = stream.Length;
            if (length < minLength)
                throw new CheckpointException(
                    $"{path}: has {length} bytes, must have at least {minLength}"
                );
            return mapping == WeightMapping.Mapped
                ? Map(path, stream, length)
                : new FileBytes(
                    path,
                    Read(path, stream.SafeFileHandle, length, cancellationToken),
                    0,
                    length
                );
        }
        catch (Exception e)
            when (e
                    is IOException
                        or UnauthorizedAccessException
                        or NotSupportedException
                        or OutOfMemoryException
            )
        {
            throw new CheckpointException($"{path}: can't be read: {e.Message}", e);
        }
    }

    /// <summary>Reads a file that had this length when it was opened.</summary>
    /// <exception cref="CheckpointException">It has become shorter.</exception>
    internal static HostBuffer Read(
        string path,
        SafeFileHandle file,
        long length,
        CancellationToken cancellationToken
    )
    {
        var memory = new HostBuffer(length);
        try
        {
            byte* bytes = (byte*)memory.DangerousGetHandle();
            for (long done = 0; done < length; )
            {
                cancellationToken.ThrowIfCancellationRequested();
                int wanted = (int)Math.Min(length - done, ReadLength);
                int count = RandomAccess.Read(file, new Span<byte>(bytes + done, wanted), done);
                if (count == 0)
                    throw new CheckpointException(
                        $"{path}: had {length} bytes, but was cut to {done} while it was read; restore the file"
                    );
                done += count;
            }
            return memory;
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    /// <summary>Keeps the memory until <see cref="Release"/>, whatever becomes of the owner.</summary>
    /// <exception cref="ObjectDisposedException">The owner has disposed of it.</exception>
    public void Hold()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _holders++;
        }
    }

    /// <summary>Lets go.</summary>
    public void Release()
    {
        lock (_gate)
        {
            if (--_holders == 0)
                _memory.Dispose();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            Release();
        }
    }

    private static FileBytes Map(string path, FileStream stream, long length)
    {
        using MemoryMappedFile map = MemoryMappedFile.CreateFromFile(
            stream,
            mapName: null,
            capacity: 0,
            MemoryMappedFileAccess.Read,
            HandleInheritability.None,
            leaveOpen: true
        );
        MemoryMappedViewAccessor view = map.CreateViewAccessor(
            0,
            length,
            MemoryMappedFileAccess.Read
        );
        // The view starts at the file's first byte, but its memory at that of its page.
        return new FileBytes(path, view.SafeMemoryMappedViewHandle, view.PointerOffset, length);
    }
}
