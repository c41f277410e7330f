using System.Runtime.InteropServices;
using Hadal.Bindings;

namespace Hadal;

/// <summary>
/// What a model runs on. Loading a model and making a cache need it open; what is loaded runs on after its disposal.
/// Thread-safe.
/// </summary>
public sealed unsafe class Device : IDisposable
{
    private Device(hd_device_kind kind, int ordinal, int threads)
    {
        Handle = DeviceHandle.Create(kind, ordinal, threads);
        var info = new hd_device_info { struct_size = (uint)sizeof(hd_device_info) };
        using NativeLease<hd_device> device = Handle.Lease();
        NativeStatus.ThrowIfFailed(NativeMethods.hd_device_get_info(device.Pointer, &info));
        Kind = (DeviceKind)info.kind;
        Ordinal = info.ordinal;
        ThreadCount = info.thread_count;
        MemoryBytes = checked((long)info.memory_bytes);
        Name = Marshal.PtrToStringUTF8((nint)info.name)!;
        Isa = Marshal.PtrToStringUTF8((nint)info.isa)!;
        ReadsHostMemory = info.host_memory != 0;
        RunsFloat32 = info.f32_activations != 0;
        RecordsSteps = info.graphs != 0;
        MultipliesFp8Heads = info.per_head_fp8 != 0;
        GroupAlignment = info.group_alignment;
        IsSynchronous = info.synchronous != 0;
    }

    /// <summary>The kind of device.</summary>
    public DeviceKind Kind { get; }

    /// <summary>Which of its kind, from 0.</summary>
    public int Ordinal { get; }

    /// <summary>CPU: the threads that compute, the caller's included. 0 elsewhere.</summary>
    public int ThreadCount { get; }

    /// <summary>Memory of the device in bytes; the CPU's is the host's, or its cgroup's limit where that is less.</summary>
    public long MemoryBytes { get; }

    /// <summary>The processor's or card's own name.</summary>
    public string Name { get; }

    /// <summary>The instruction set in use, such as "avx512" or "sm_90a".</summary>
    public string Isa { get; }

    /// <summary>
    /// Whether it reads the host's memory: weights stay where the checkpoint has them, a mapped file for one. Elsewhere
    /// loading copies them to the device.
    /// </summary>
    public bool ReadsHostMemory { get; }

    /// <summary>Whether a model can be loaded with the activation mode <c>Float32</c>.</summary>
    public bool RunsFloat32 { get; }

    /// <summary>Memory that is free now, in bytes, on the CPU within its cgroup's limit. Cached files count as free.</summary>
    public long FreeMemoryBytes
    {
        get
        {
            ulong free = 0;
            using NativeLease<hd_device> device = Handle.Lease();
            NativeStatus.ThrowIfFailed(NativeMethods.hd_device_free_memory(device.Pointer, &free));
            return checked((long)free);
        }
    }

    internal DeviceHandle Handle { get; }

    /// <summary>Whether a step's operations can be recorded and launched as one.</summary>
    internal bool RecordsSteps { get; }

    /// <summary>
    /// Whether bf16 activations are multiplied with e4m3 weights head by head as fast as with bf16 ones, where the scales
    /// are powers of two.
    /// </summary>
    internal bool MultipliesFp8Heads { get; }

    /// <summary>Rows that each expert's share of a grouped product is padded to, at least 1.</summary>
    internal int GroupAlignment { get; }

    /// <summary>Whether an operation's work is done when its call returns; else it may only be queued.</summary>
    internal bool IsSynchronous { get; }

    /// <summary>Opens the host's processor.</summary>
    /// <param name="threads">Threads that compute, the caller's included; 0 takes one for each that the process may use.</param>
    /// <exception cref="HadalException">The native library does not fit, or the number of threads is refused.</exception>
    public static Device Cpu(int threads = 0) => new(hd_device_kind.HD_DEVICE_CPU, 0, threads);

    /// <summary>Opens a GPU. Where none can be had this fails; it never falls back to the CPU.</summary>
    /// <param name="ordinal">Which GPU, from 0.</param>
    /// <exception cref="HadalException">The backend or the card cannot be had; the message says why.</exception>
    public static Device Cuda(int ordinal = 0) => new(hd_device_kind.HD_DEVICE_CUDA, ordinal, 0);

    /// <summary>
    /// Opens another accelerator, served by the library <c>libhadal-NAME</c> where the environment variable
    /// <c>HADAL_BACKEND</c> says NAME. It is looked for in the folder of <c>HADAL_BACKEND_PATH</c>, beside the native
    /// library, and on the system's search path.
    /// </summary>
    /// <param name="ordinal">Which of the backend's devices, from 0.</param>
    /// <exception cref="HadalException">The variable is unset, or the backend or the device cannot be had.</exception>
    public static Device External(int ordinal = 0) =>
        new(hd_device_kind.HD_DEVICE_EXTERNAL, ordinal, 0);

    /// <summary>Counts the GPUs that <see cref="Cuda"/> may be asked for, whether or not they can serve.</summary>
    /// <exception cref="HadalException">The backend cannot be had; the message says why.</exception>
    public static int CountCuda() => Count(hd_device_kind.HD_DEVICE_CUDA);

    /// <summary>Counts the devices that <see cref="External"/> may be asked for, whether or not they can serve.</summary>
    /// <exception cref="HadalException">The variable is unset, or the backend cannot be had.</exception>
    public static int CountExternal() => Count(hd_device_kind.HD_DEVICE_EXTERNAL);

    /// <inheritdoc />
    public void Dispose() => Handle.Dispose();

    /// <inheritdoc />
    public override string ToString() =>
        ThreadCount > 0 ? $"{Name} ({Isa}, {ThreadCount} threads)" : $"{Name} ({Isa})";

    private static int Count(hd_device_kind kind)
    {
        NativeLibraryResolver.Install();
        int count = 0;
        NativeStatus.ThrowIfFailed(NativeMethods.hd_device_count((int)kind, &count));
        return count;
    }
}
