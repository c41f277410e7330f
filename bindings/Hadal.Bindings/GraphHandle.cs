using System.Runtime.InteropServices;

namespace Hadal.Bindings;

/// <summary>Owns one hd_graph: kernel calls recorded once and launched as one.</summary>
public sealed unsafe class GraphHandle : SafeHandle
{
    private GraphHandle(hd_graph* graph)
        : base(0, ownsHandle: true) => SetHandle((nint)graph);

    /// <inheritdoc />
    public override bool IsInvalid => handle == 0;

    /// <summary>
    /// Records the kernel calls that <paramref name="calls"/> makes on a stream, without running them. The record is
    /// ended, and dropped, when it throws.
    /// </summary>
    public static GraphHandle Record(StreamHandle stream, Action calls)
    {
        NativeStatus.ThrowIfFailed(NativeMethods.hd_graph_begin(stream.Native));
        hd_graph* graph = null;
        try
        {
            calls();
        }
        catch
        {
            _ = NativeMethods.hd_graph_end(stream.Native, &graph);
            _ = NativeMethods.hd_graph_release(graph);
            throw;
        }
        NativeStatus.ThrowIfFailed(NativeMethods.hd_graph_end(stream.Native, &graph));
        return new GraphHandle(graph);
    }

    /// <summary>Queues the recorded calls.</summary>
    public void Launch(StreamHandle stream)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        NativeStatus.ThrowIfFailed(NativeMethods.hd_graph_launch((hd_graph*)handle, stream.Native));
    }

    /// <inheritdoc />
    protected override bool ReleaseHandle() =>
        NativeMethods.hd_graph_release((hd_graph*)handle) == (int)hd_status.HD_STATUS_OK;
}
