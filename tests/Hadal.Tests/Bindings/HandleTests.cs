using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Hadal.Bindings;

namespace Hadal.Tests.Bindings;

/// <summary>Objects of the library live exactly as long as their handles and the calls under way on them.</summary>
[Collection(nameof(WholeProcess))]
public sealed unsafe class HandleTests
{
    /// <summary>Enough that other threads of the process, which come and go, don't hide a device's.</summary>
    private const int ManyThreads = 200;

    public static TheoryData<int, int, int> Orders { get; } =
        new()
        {
            { 0, 1, 2 },
            { 0, 2, 1 },
            { 1, 0, 2 },
            { 1, 2, 0 },
            { 2, 0, 1 },
            { 2, 1, 0 },
        };

    [Theory]
    [MemberData(nameof(Orders))]
    public void AnyOrderOfDisposalIsSafe(int first, int second, int third)
    {
        DeviceHandle device = Cpu(2);
        StreamHandle stream = StreamHandle.Create(device);
        BufferHandle buffer = BufferHandle.Create(device, 4096);
        SafeHandle[] handles = [device, stream, buffer];
        Use(handles);
        foreach (int next in (int[])[first, second, third])
        {
            handles[next].Dispose();
            Use(handles);
        }
        Assert.All(handles, handle => Assert.True(handle.IsClosed));
    }

    [Fact]
    public void DisposingTwiceDoesNothing()
    {
        DeviceHandle device = Cpu();
        StreamHandle stream = StreamHandle.Create(device);
        BufferHandle buffer = BufferHandle.Create(device, 64);
        foreach (SafeHandle handle in (SafeHandle[])[device, stream, buffer])
        {
            handle.Dispose();
            handle.Dispose();
        }
        using DeviceHandle another = Cpu();
        StreamHandle.Create(another).Dispose();
    }

    [Fact]
    public void UseAfterDisposalIsRefused()
    {
        DeviceHandle device = Cpu();
        StreamHandle stream = StreamHandle.Create(device);
        BufferHandle buffer = BufferHandle.Create(device, 64);
        device.Dispose();
        stream.Dispose();
        buffer.Dispose();
        Refuses(() => StreamHandle.Create(device));
        Refuses(() => BufferHandle.Create(device, 64));
        Refuses(() => GraphHandle.Record(stream, () => { }));
        Refuses(() => stream.Lease().Dispose());
        Refuses(() => _ = buffer.Data);

        static void Refuses(Action use) => Assert.Throws<ObjectDisposedException>(use);
    }

    [Fact]
    public void ALeaseOutlivesTheDisposalOfItsHandle()
    {
        int before = ThreadCount();
        DeviceHandle device = Cpu(ManyThreads);
        NativeLease<hd_device> lease = device.Lease();
        try
        {
            device.Dispose();
            Assert.Throws<ObjectDisposedException>(() => device.Lease().Dispose());
            Assert.True(ThreadCount() >= before + ManyThreads / 2);
            ulong free = 0;
            NativeStatus.ThrowIfFailed(NativeMethods.hd_device_free_memory(lease.Pointer, &free));
            Assert.NotEqual(0UL, free);
        }
        finally
        {
            lease.Dispose();
        }
        MustEnd(before);
    }

    [Fact]
    public void DisposalDuringCallsOfOtherThreadsIsSafe()
    {
        for (int round = 0; round < 100; round++)
        {
            using DeviceHandle device = Cpu();
            StreamHandle stream = StreamHandle.Create(device);
            using var started = new CountdownEvent(2);
            Task[] callers = [Task.Run(Call), Task.Run(Call)];
            started.Wait(TestContext.Current.CancellationToken);
            stream.Dispose();
            Assert.All(callers, caller => caller.Wait(TestContext.Current.CancellationToken));

            void Loop()
            {
                while (true)
                    Synchronize(stream);
            }

            void Call()
            {
                started.Signal();
                Assert.Throws<ObjectDisposedException>((Action)Loop);
            }
        }
    }

    [Fact]
    public void AFinalizerGivesBackWhatWasNotDisposed()
    {
        int before = ThreadCount();
        Forget();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        MustEnd(before);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Forget()
        {
            DeviceHandle device = Cpu(ManyThreads);
            _ = StreamHandle.Create(device);
            _ = BufferHandle.Create(device, 64);
        }
    }

    [Fact]
    public void TenThousandCyclesLeaveMemoryFlat()
    {
        // 64 KiB a cycle, touched: a buffer lost a cycle would be 640 MB, a stream and a device of a few KB 20 MB.
        const ulong size = 64 << 10;
        Cycle(1000);
        long before = Environment.WorkingSet;
        Cycle(10_000);
        long growth = Environment.WorkingSet - before;
        Assert.True(growth < 16 << 20, $"The process grew by {growth} bytes.");

        static void Cycle(int count)
        {
            for (int i = 0; i < count; i++)
            {
                using DeviceHandle device = Cpu();
                using StreamHandle stream = StreamHandle.Create(device);
                using BufferHandle buffer = BufferHandle.Create(device, size);
                new Span<byte>(buffer.Data, (int)size).Fill(1);
                Synchronize(stream);
            }
        }
    }

    [Theory]
    [InlineData(1UL << 60)]
    [InlineData(ulong.MaxValue)]
    public void MemoryThatCannotBeHadIsATypedErrorAndNoMore(ulong size)
    {
        using DeviceHandle device = Cpu();
        var error = Assert.Throws<NativeOutOfDeviceMemoryException>(() =>
            BufferHandle.Create(device, size)
        );
        Assert.NotEqual("", error.Message);
        using BufferHandle next = BufferHandle.Create(device, 64);
        Assert.Equal(0, *(byte*)next.Data);
    }

    private static DeviceHandle Cpu(int threads = 1) =>
        DeviceHandle.Create(hd_device_kind.HD_DEVICE_CPU, ordinal: 0, threads);

    private static void Use(SafeHandle[] handles)
    {
        foreach (SafeHandle handle in handles)
        {
            if (handle.IsClosed)
                continue;
            if (handle is DeviceHandle device)
                StreamHandle.Create(device).Dispose();
            else if (handle is StreamHandle stream)
                Synchronize(stream);
            else if (handle is BufferHandle buffer)
                new Span<byte>(buffer.Data, (int)buffer.Size).Fill(7);
        }
    }

    private static void Synchronize(StreamHandle stream)
    {
        using NativeLease<hd_stream> lease = stream.Lease();
        NativeStatus.ThrowIfFailed(NativeMethods.hd_stream_synchronize(lease.Pointer));
    }

    private static int ThreadCount() => Directory.GetDirectories("/proc/self/task").Length;

    /// <summary>A thread that was joined may stay in the list for a moment.</summary>
    private static void MustEnd(int before) =>
        Assert.True(
            SpinWait.SpinUntil(
                () => ThreadCount() < before + ManyThreads / 2,
                TimeSpan.FromSeconds(30)
            ),
            $"There were {before} threads, and are {ThreadCount()}."
        );
}
