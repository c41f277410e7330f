using System.Runtime.InteropServices;

namespace Hadal.Bindings;

/// <summary>Owns one hd_device. Any order of disposal is safe: natively a child keeps its parent.</summary>
public sealed unsafe class DeviceHandle : SafeHandle
{
    private DeviceHandle(hd_device* device)
        : base(0, ownsHandle: true) => SetHandle((nint)device);

    /// <inheritdoc />
    public override bool IsInvalid => handle == 0;

    /// <summary>Opens a device.</summary>
    /// <param name="kind">Kind of device.</param>
    /// <param name="ordinal">Which of its kind, from 0.</param>
    /// <param name="threadCount">CPU: threads that compute; 0 takes one a core.</param>
    public static DeviceHandle Create(hd_device_kind kind, int ordinal, int threadCount)
    {
        NativeLibraryResolver.Install();
        var options = new hd_device_options
        {
            struct_size = (uint)sizeof(hd_device_options),
            kind = (int)kind,
            ordinal = ordinal,
            thread_count = threadCount,
        };
        hd_device* device = null;
        NativeStatus.ThrowIfFailed(NativeMethods.hd_device_create(&options, &device));
        return new DeviceHandle(device);
    }

    /// <summary>The native pointer; throws ObjectDisposedException once disposed.</summary>
    public hd_device* Native
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return (hd_device*)handle;
        }
    }

    /// <inheritdoc />
    protected override bool ReleaseHandle() =>
        NativeMethods.hd_device_release((hd_device*)handle) == (int)hd_status.HD_STATUS_OK;
}
