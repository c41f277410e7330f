namespace Hadal.Bindings;

/// <summary>Owns one hd_stream.</summary>
public sealed unsafe class StreamHandle : NativeHandle<hd_stream>
{
    private StreamHandle(hd_stream* stream)
        : base(stream) { }

    /// <summary>Makes a stream of a device.</summary>
    /// <param name="device">The device.</param>
    public static StreamHandle Create(DeviceHandle device)
    {
        ArgumentNullException.ThrowIfNull(device);
        using NativeLease<hd_device> lease = device.Lease();
        hd_stream* stream = null;
        NativeStatus.ThrowIfFailed(NativeMethods.hd_stream_create(lease.Pointer, &stream));
        return new StreamHandle(stream);
    }

    /// <summary>Calls a kernel on the stream.</summary>
    /// <typeparam name="T">The struct of its arguments.</typeparam>
    /// <param name="kernel">One of <see cref="NativeMethods"/>, such as <c>&amp;NativeMethods.hd_rms_norm</c>.</param>
    /// <param name="args">Its arguments, struct_size and all.</param>
    /// <param name="workspace">Scratch, aligned to HD_ALIGNMENT; null where the kernel wants none.</param>
    /// <param name="workspaceSize">Bytes of it, at least what hd_workspace_size tells.</param>
    /// <exception cref="NativeException">The kernel refused its arguments, or failed.</exception>
    public void Run<T>(
        delegate* <hd_stream*, T*, void*, ulong, int> kernel,
        T* args,
        void* workspace = null,
        ulong workspaceSize = 0
    )
        where T : unmanaged
    {
        using NativeLease<hd_stream> lease = Lease();
        NativeStatus.ThrowIfFailed(kernel(lease.Pointer, args, workspace, workspaceSize));
    }

    private protected override int Release(hd_stream* native) =>
        NativeMethods.hd_stream_release(native);
}
