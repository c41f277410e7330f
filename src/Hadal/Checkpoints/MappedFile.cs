using System.IO.MemoryMappedFiles;

namespace Hadal.Checkpoints;

/// <summary>
/// A file mapped for reading: nothing is read until it is touched. A view keeps the map alive as long as it is reachable;
/// <see cref="Dispose"/> unmaps it at once.
/// </summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private byte* _pointer;
    private int _disposed;

    private MappedFile(
        string path,
        MemoryMappedFile file,
        MemoryMappedViewAccessor view,
        long length
    )
    {
        Path = path;
        Length = length;
        _file = file;
        _view = view;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref _pointer);
        // The view starts at the file's first byte, but the pointer at that of its page.
        _pointer += view.PointerOffset;
    }

    public string Path { get; }

    public long Length { get; }

    public byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
            return _pointer;
        }
    }

    /// <param name="path">The file.</param>
    /// <param name="minLength">Fewer bytes are refused, as an empty file can't be mapped.</param>
    public static MappedFile Open(string path, long minLength)
    {
        MemoryMappedFile? map = null;
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
            map = MemoryMappedFile.CreateFromFile(
                stream,
                mapName: null,
                capacity: 0,
                MemoryMappedFileAccess.Read,
                HandleInheritability.None,
                leaveOpen: true
            );
            var view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            return new MappedFile(path, map, view, length);
        }
        catch (Exception e)
            when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            map?.Dispose();
            throw new CheckpointException($"{path}: can't be read: {e.Message}", e);
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
