using System.Runtime.InteropServices;

namespace Hadal.Bindings;

/// <summary>Owns one hd_buffer. Any order of disposal is safe: natively a child keeps its parent.</summary>
public sealed unsafe class BufferHandle : SafeHandle
{
    private BufferHandle(hd_buffer* buffer)
        : base(0, ownsHandle: true) => SetHandle((nint)buffer);

    /// <inheritdoc />
    public override bool IsInvalid => handle == 0;

    /// <summary>Device address of the memory; 0 once disposed is never seen, it throws.</summary>
    public void* Data
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return _data;
        }
    }

    /// <summary>Size in bytes.</summary>
    public ulong Size { get; private init; }

    /// <summary>Allocates zeroed memory of a device, aligned to HD_ALIGNMENT.</summary>
    public static BufferHandle Create(DeviceHandle device, ulong size)
    {
        hd_buffer* buffer = null;
        NativeStatus.ThrowIfFailed(NativeMethods.hd_buffer_create(device.Native, size, &buffer));
        void* data = null;
        NativeStatus.ThrowIfFailed(NativeMethods.hd_buffer_get_data(buffer, &data, null));
        return new BufferHandle(buffer) { _data = data, Size = size };
    }

    private void* _data;

    /// <inheritdoc />
    protected override bool ReleaseHandle() =>
        NativeMethods.hd_buffer_release((hd_buffer*)handle) == (int)hd_status.HD_STATUS_OK;
}
