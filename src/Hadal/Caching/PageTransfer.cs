using Hadal.Bindings;
using Hadal.Tensors;

namespace Hadal.Caching;

/// <summary>Copies whole pages, in all layers, on a stream of its own, and waits for it. Not thread-safe.</summary>
internal sealed unsafe class PageTransfer : IDisposable
{
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
        using NativeLease<hd_stream> stream = _stream.Lease();
        foreach ((nint pages, long bytes) in _parts)
            NativeStatus.ThrowIfFailed(
                NativeMethods.hd_copy(
                    stream.Pointer,
                    (byte*)pages + destination * bytes,
                    (byte*)pages + source * bytes,
                    (ulong)bytes
                )
            );
        NativeStatus.ThrowIfFailed(NativeMethods.hd_stream_synchronize(stream.Pointer));
    }

    public void Dispose() => _stream.Dispose();
}
