using System.Runtime.InteropServices;

namespace Hadal.Bindings;

/// <summary>Owns one hd_stream. Any order of disposal is safe: natively a child keeps its parent.</summary>
public sealed unsafe class StreamHandle : SafeHandle
{
    private StreamHandle(hd_stream* stream)
        : base(0, ownsHandle: true) => SetHandle((nint)stream);

    /// <inheritdoc />
    public override bool IsInvalid => handle == 0;

    /// <summary>Makes a stream of a device.</summary>
    public static StreamHandle Create(DeviceHandle device)
    {
        hd_stream* stream = null;
        NativeStatus.ThrowIfFailed(NativeMethods.hd_stream_create(device.Native, &stream));
        return new StreamHandle(stream);
    }

    /// <summary>The native pointer; throws ObjectDisposedException once disposed.</summary>
    public hd_stream* Native
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return (hd_stream*)handle;
        }
    }

    /// <inheritdoc />
    protected override bool ReleaseHandle() =>
        NativeMethods.hd_stream_release((hd_stream*)handle) == (int)hd_status.HD_STATUS_OK;
}
