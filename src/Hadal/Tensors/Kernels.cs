using System.Diagnostics;
using Hadal.Bindings;

namespace Hadal.Tensors;

/// <summary>
/// The native operations on one stream, as a layer calls them: shapes come from the tensors. While planning, nothing runs
/// and the greatest workspace asked for is noted. Allocates nothing once planned. Not thread-safe.
/// </summary>
internal sealed unsafe partial class Kernels : IDisposable
{
    private readonly Device _device;
    private readonly StreamHandle _stream;
    private readonly DeviceMemory _memory;
    private void* _workspace;
    private ulong _workspaceSize;
    private ulong _wantedSize;

    /// <param name="memory">Where the workspace goes; memory that only counts makes all calls planning.</param>
    public Kernels(DeviceMemory memory)
    {
        _memory = memory;
        _device = memory.Device;
        _stream = StreamHandle.Create(_device.Handle);
        IsPlanning = memory.IsCounting;
    }

    /// <summary>Whether calls only note the workspace that they want.</summary>
    public bool IsPlanning { get; private set; }

    /// <summary>Told how long each call takes, or null. On a device that queues calls that says nothing.</summary>
    public OpClock? Clock { get; set; }

    /// <summary>
    /// Runs the graph without doing it, then allocates the workspace that it wants: once.
    /// </summary>
    public void Plan(Action graph)
    {
        IsPlanning = true;
        try
        {
            graph();
        }
        finally
        {
            IsPlanning = _memory.IsCounting;
        }
        _workspace = _memory.Allocate((long)_wantedSize);
        _workspaceSize = _wantedSize;
    }

    public void Dispose() => _stream.Dispose();

    /// <summary>Notes calls down without running them; copies to the host can't be among them.</summary>
    public GraphHandle Record(Action calls) => GraphHandle.Record(_stream, calls);

    /// <summary>Runs what was noted down.</summary>
    public void Launch(GraphHandle graph) => graph.Launch(_stream);

    public void CopyToDevice(void* destination, void* source, long bytes)
    {
        if (IsPlanning)
            return;
        using NativeLease<hd_stream> stream = _stream.Lease();
        NativeStatus.ThrowIfFailed(
            NativeMethods.hd_copy_to_device(stream.Pointer, destination, source, (ulong)bytes)
        );
    }

    /// <summary>Waits for what was queued before.</summary>
    public void Synchronize()
    {
        if (IsPlanning)
            return;
        using NativeLease<hd_stream> stream = _stream.Lease();
        NativeStatus.ThrowIfFailed(NativeMethods.hd_stream_synchronize(stream.Pointer));
    }

    /// <summary>Waits for what was queued before, whatever becomes of it.</summary>
    public void Settle()
    {
        using NativeLease<hd_stream> stream = _stream.Lease();
        _ = NativeMethods.hd_stream_synchronize(stream.Pointer);
    }

    /// <summary>Waits for what was queued before, and copies.</summary>
    public void CopyToHost(void* destination, void* source, long bytes)
    {
        if (IsPlanning)
            return;
        using NativeLease<hd_stream> stream = _stream.Lease();
        NativeStatus.ThrowIfFailed(
            NativeMethods.hd_copy_to_host(stream.Pointer, destination, source, (ulong)bytes)
        );
    }

    /// <summary>y[i] = table[ids[i]].</summary>
    public void Embedding(DeviceTensor table, int* ids, DeviceTensor y)
    {
        Debug.Assert(table.IsContiguous && y.IsContiguous && table.Columns == y.Columns);
        var args = new hd_embedding_args
        {
            struct_size = (uint)sizeof(hd_embedding_args),
            table_dtype = (int)table.Type,
            y_dtype = (int)y.Type,
            m = y.Rows,
            n = y.Columns,
            rows = table.Rows,
            ids = ids,
            table = table.Data,
            y = y.Data,
        };
        Run(hd_op.HD_OP_EMBEDDING, &args, &NativeMethods.hd_embedding);
    }

    /// <summary>d = a · bᵀ, with b [n, k].</summary>
    public void Gemm(DeviceTensor a, DeviceTensor b, DeviceTensor d)
    {
        Debug.Assert(a.Columns == b.Columns && a.Rows == d.Rows && b.Rows == d.Columns);
        Debug.Assert(b.IsContiguous);
        Gemm(1, a, new HeadWeight(new Weight(b), b.Rows), false, d, 0, 0);
    }

    /// <summary>
    /// One product a head: head h takes columns h · k of a and writes columns h · n of d, each [m, heads · width] with
    /// the widths given by the strides; its part of b is [n, k] or, with <paramref name="bIsKn"/>, [k, n].
    /// </summary>
    public void Gemm(
        int heads,
        DeviceTensor a,
        HeadWeight b,
        bool bIsKn,
        DeviceTensor d,
        long aHeadStride,
        long dHeadStride
    )
    {
        var args = new hd_gemm_args
        {
            struct_size = (uint)sizeof(hd_gemm_args),
            a_dtype = (int)a.Type,
            b_dtype = (int)b.Format,
            d_dtype = (int)d.Type,
            b_is_kn = bIsKn ? 1 : 0,
            batch = heads,
            m = a.Rows,
            n = bIsKn ? b.Columns : b.Rows,
            k = bIsKn ? b.Rows : b.Columns,
            b_scale_is_pow2 = b.Scales == 0 ? 0 : 1,
            a = a.Data,
            a_stride = a.Stride,
            a_batch_stride = aHeadStride,
            b = (void*)b.Data,
            b_stride = b.Columns,
            b_batch_stride = (long)b.Period * b.Columns,
            d = d.Data,
            d_stride = d.Stride,
            d_batch_stride = dHeadStride,
            b_scale = (float*)b.Scales,
            b_scale_stride = b.ScaleColumns,
            b_scale_batch_stride = (long)b.Period / NativeMethods.HD_SCALE_BLOCK * b.ScaleColumns,
        };
        Run(hd_op.HD_OP_GEMM, &args, &NativeMethods.hd_gemm);
    }

    private void Run<T>(hd_op op, T* args, delegate* <hd_stream*, T*, void*, ulong, int> kernel)
        where T : unmanaged
    {
        if (IsPlanning)
        {
            ulong size = 0;
            using NativeLease<hd_device> device = _device.Handle.Lease();
            NativeStatus.ThrowIfFailed(
                NativeMethods.hd_workspace_size(device.Pointer, (int)op, args, &size)
            );
            _wantedSize = Math.Max(_wantedSize, size);
            return;
        }
        if (Clock is not { } clock)
        {
            _stream.Run(kernel, args, _workspace, _workspaceSize);
            return;
        }
        long start = Stopwatch.GetTimestamp();
        _stream.Run(kernel, args, _workspace, _workspaceSize);
        clock.Add(op, Stopwatch.GetTimestamp() - start);
    }
}
