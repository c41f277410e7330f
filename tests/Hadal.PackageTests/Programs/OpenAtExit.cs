using Hadal.Bindings;

// Ends with everything open, and with another thread in the middle of calls.
DeviceHandle device = DeviceHandle.Create(hd_device_kind.HD_DEVICE_CPU, ordinal: 0, threadCount: 4);
StreamHandle stream = StreamHandle.Create(device);
BufferHandle buffer = BufferHandle.Create(device, 1 << 20);
using var started = new ManualResetEventSlim();
new Thread(Call) { IsBackground = true }.Start();
started.Wait();
Console.WriteLine(buffer.Size);

unsafe void Call()
{
    while (true)
    {
        using NativeLease<hd_stream> lease = stream.Lease();
        NativeStatus.ThrowIfFailed(NativeMethods.hd_stream_synchronize(lease.Pointer));
        started.Set();
    }
}
