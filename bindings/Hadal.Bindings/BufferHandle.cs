namespace Hadal.Bindings;

/// <summary>Owns one hd_buffer: memory of a device.</summary>
public sealed unsafe class BufferHandle : NativeHandle<hd_buffer>
{
    private readonly void* _data;

    private BufferHandle(hd_buffer* buffer, void* data, ulong size)
        : base(buffer)
    {
        _data = data;
        Size = size;
    }

    /// <summary>
    /// Device address of the memory, which ends with the handle: who lets another thread dispose it takes a
    /// <see cref="NativeHandle{T}.Lease"/> for as long as the address is in use.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The handle was disposed.</exception>
    public void* Data
    {
        get
        {
            ThrowIfDisposed();
            return _data;
        }
    }

    /// <summary>Size in bytes.</summary>
    public ulong Size { get; }

    /// <summary>Allocates zeroed memory of a device, aligned to HD_ALIGNMENT.</summary>
    /// <param name="device">The device.</param>
    /// <param name="size">Bytes, at least 1.</param>
    /// <exception cref="NativeOutOfDeviceMemoryException">There is not that much.</exception>
    public static BufferHandle Create(DeviceHandle device, ulong size)
    {
        ArgumentNullException.ThrowIfNull(device);
        using NativeLease<hd_device> lease = device.Lease();
        hd_buffer* buffer = null;
        NativeStatus.ThrowIfFailed(NativeMethods.hd_buffer_create(lease.Pointer, size, &buffer));
        void* data = null;
        int status = NativeMethods.hd_buffer_get_data(buffer, &data, null);
        var handle = new BufferHandle(buffer, data, size);
        NativeStatus.ThrowIfFailed(status);
        return handle;
    }

    private protected override int Release(hd_buffer* native) =>
        NativeMethods.hd_buffer_release(native);
}
