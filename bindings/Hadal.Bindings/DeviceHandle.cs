namespace Hadal.Bindings;

/// <summary>Owns one hd_device.</summary>
public sealed unsafe class DeviceHandle : NativeHandle<hd_device>
{
    private DeviceHandle(hd_device* device)
        : base(device) { }

    /// <summary>Opens a device.</summary>
    /// <param name="kind">Kind of device.</param>
    /// <param name="ordinal">Which of its kind, from 0.</param>
    /// <param name="threadCount">CPU: threads that compute; 0 takes one for each processor that the process may use.</param>
    /// <exception cref="NativeLibraryException">The library cannot be had.</exception>
    /// <exception cref="NativeException">The device cannot be had.</exception>
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

    private protected override int Release(hd_device* native) =>
        NativeMethods.hd_device_release(native);
}
