using Hadal.Bindings;
using Hadal.Tensors;

namespace Hadal.Caching;

/// <summary>
/// Copies whole pages, in all layers, on a stream of its own, and waits for it. On the host a page's layers lie one after
/// another. Thread-safe; the cache's memory must stay meanwhile.
/// </summary>
internal sealed unsafe class PageTransfer : IDisposable
{
    private readonly Lock _lock = new();
    private readonly StreamHandle _stream;

    // In the order of layers, in each the latents before the indexer's keys: the pages, and the bytes of one.
    private readonly (nint Pages, long Bytes)[] _parts;

    public PageTransfer(Device device, CacheLayout layout, LayerCache[] layers)
    {
        _stream = StreamHandle.Create(device.Handle);
        var parts = new List<(nint, long)>();
        foreach (LayerCache layer in layers)
        {
            parts.Add(((nint)layer.Mla.Data, layout.MlaPageBytes));
            if (layer.Index.Data is not null)
                parts.Add(((nint)layer.Index.Data, CacheLayout.IndexPageBytes));
        }
        _parts = [.. parts];
    }

    /// <summary>Copies a page to another.</summary>
    public void Copy(int source, int destination)
    {
        lock (_lock)
        {
            using NativeLease<hd_stream> stream = _stream.Lease();
            int status = 0;
            foreach ((nint pages, long bytes) in _parts)
            {
                if (status == 0)
                    status = NativeMethods.hd_copy(
                        stream.Pointer,
                        At(pages, bytes, destination),
                        At(pages, bytes, source),
                        (ulong)bytes
                    );
            }
            Wait(stream.Pointer, status);
        }
    }

    /// <summary>Copies a page to the host.</summary>
    public void Read(int page, Span<byte> bytes)
    {
        lock (_lock)
        {
            using NativeLease<hd_stream> stream = _stream.Lease();
            fixed (byte* start = bytes)
            {
                byte* next = start;
                foreach ((nint pages, long count) in _parts)
                {
                    NativeStatus.ThrowIfFailed(
                        NativeMethods.hd_copy_to_host(
                            stream.Pointer,
                            next,
                            At(pages, count, page),
                            (ulong)count
                        )
                    );
                    next += count;
                }
            }
        }
    }

    /// <summary>Copies a page from the host.</summary>
    public void Write(ReadOnlySpan<byte> bytes, int page)
    {
        lock (_lock)
        {
            using NativeLease<hd_stream> stream = _stream.Lease();
            int status = 0;
            fixed (byte* start = bytes)
            {
                byte* next = start;
                foreach ((nint pages, long count) in _parts)
                {
                    if (status == 0)
                        status = NativeMethods.hd_copy_to_device(
                            stream.Pointer,
                            At(pages, count, page),
                            next,
                            (ulong)count
                        );
                    next += count;
                }
                Wait(stream.Pointer, status);
            }
        }
    }

    public void Dispose() => _stream.Dispose();

    // Also after a copy that failed: those before it still write to a page that may go back now.
    private static void Wait(hd_stream* stream, int status)
    {
        try
        {
            NativeStatus.ThrowIfFailed(status);
        }
        finally
        {
            status = NativeMethods.hd_stream_synchronize(stream);
        }
        NativeStatus.ThrowIfFailed(status);
    }

    private static byte* At(nint pages, long bytes, int page) => (byte*)pages + page * bytes;
}
