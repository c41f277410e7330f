using Hadal.Bindings;

namespace Hadal.Tensors;

/// <summary>
/// Memory of one device, handed out piece by piece at set-up and given back as a whole. It can also just count what would
/// be handed out: the addresses are then not to be used. Not thread-safe.
/// </summary>
internal sealed unsafe class DeviceMemory(Device device, bool isCounting = false) : IDisposable
{
    private readonly List<BufferHandle> _buffers = [];

    public Device Device { get; } = device;

    public bool IsCounting { get; } = isCounting;

    /// <summary>Bytes allocated so far.</summary>
    public long AllocatedBytes { get; private set; }

    /// <summary>Zeroed memory, aligned for any operation.</summary>
    public void* Allocate(long bytes)
    {
        if (IsCounting)
        {
            AllocatedBytes += bytes;
            return (void*)NativeMethods.HD_ALIGNMENT;
        }
        BufferHandle buffer = BufferHandle.Create(Device.Handle, (ulong)Math.Max(bytes, 1));
        _buffers.Add(buffer);
        AllocatedBytes += bytes;
        return buffer.Data;
    }

    public DeviceTensor Matrix(hd_dtype type, int rows, int columns) =>
        new(
            Allocate((long)rows * columns * DeviceTensor.SizeOf(type)),
            type,
            rows,
            columns,
            columns
        );

    public QuantizedTensor Quantized(int rows, int columns) =>
        new(
            (byte*)Allocate((long)rows * columns),
            (float*)Allocate(QuantizedTensor.ScaleCount(rows, columns) * sizeof(float)),
            rows,
            columns
        );

    public void Dispose()
    {
        foreach (BufferHandle buffer in _buffers)
            buffer.Dispose();
        _buffers.Clear();
    }
}
