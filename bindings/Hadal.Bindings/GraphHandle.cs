namespace Hadal.Bindings;

/// <summary>Owns one hd_graph: kernel calls recorded once and launched as one.</summary>
public sealed unsafe class GraphHandle : NativeHandle<hd_graph>
{
    private GraphHandle(hd_graph* graph)
        : base(graph) { }

    /// <summary>
    /// Records the kernel calls that <paramref name="calls"/> makes on a stream, without running them. The record is
    /// ended, and dropped, when it throws.
    /// </summary>
    /// <param name="stream">The stream.</param>
    /// <param name="calls">Makes the calls.</param>
    public static GraphHandle Record(StreamHandle stream, Action calls)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(calls);
        using NativeLease<hd_stream> lease = stream.Lease();
        NativeStatus.ThrowIfFailed(NativeMethods.hd_graph_begin(lease.Pointer));
        hd_graph* graph = null;
        try
        {
            calls();
        }
        catch
        {
            _ = NativeMethods.hd_graph_end(lease.Pointer, &graph);
            _ = NativeMethods.hd_graph_release(graph);
            throw;
        }
        NativeStatus.ThrowIfFailed(NativeMethods.hd_graph_end(lease.Pointer, &graph));
        return new GraphHandle(graph);
    }

    /// <summary>Queues the recorded calls.</summary>
    /// <param name="stream">The stream.</param>
    public void Launch(StreamHandle stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using NativeLease<hd_graph> graph = Lease();
        using NativeLease<hd_stream> lease = stream.Lease();
        NativeStatus.ThrowIfFailed(NativeMethods.hd_graph_launch(graph.Pointer, lease.Pointer));
    }

    private protected override int Release(hd_graph* native) =>
        NativeMethods.hd_graph_release(native);
}
