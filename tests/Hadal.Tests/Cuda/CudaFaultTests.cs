using System.Diagnostics;
using System.Runtime.InteropServices;
using Hadal.Bindings;
using Hadal.Caching;
using Hadal.Model;
using Hadal.Tests.Model;

namespace Hadal.Tests.Cuda;

/// <summary>
/// What goes wrong on a CUDA device. Each fault has a process of its own: the library reads the environment when it is
/// loaded, and a lost device stays lost until the process ends.
/// </summary>
[Collection(nameof(WholeProcess))]
public sealed class CudaFaultTests
{
    private static readonly string[] Generate =
    [
        Tool,
        "generate",
        "In the beginning",
        "-n",
        "2",
        "-d",
        "cuda",
    ];

    // The host of this process, which may be an executable of its own.
    private static string Host =>
        Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet"));

    private static string Tool => typeof(Hadal.Cli.Terminal).Assembly.Location;

    [Fact]
    public async Task TooLittleMemoryIsToldBeforeTheUpload()
    {
        (int status, string text) = await RunAsync("HADAL_EMULATOR_MEMORY", "8M", Generate);
        Assert.Equal(1, status);
        Assert.Contains("8.4 MB of memory free, but the model takes", text, Ordinal);
        Assert.All(
            ["weights", "kv_b expanded", "a cache of", "workspace"],
            part => Assert.Contains($"{part} ", text, Ordinal)
        );
    }

    [Fact]
    public async Task NoDeviceIsTold()
    {
        (int status, string text) = await RunAsync("HADAL_EMULATOR_DEVICES", "0", Generate);
        Assert.Equal(1, status);
        Assert.Contains("no CUDA device is present", text, Ordinal);
    }

    [Fact]
    public async Task TheSecondOfTwoCardsIsFoundAndUsed()
    {
        const string Devices = "HADAL_EMULATOR_DEVICES";
        (int status, string text) = await RunAsync(Devices, "2", Tool, "devices");
        Assert.Equal(0, status);
        Assert.Contains("cuda:1", text, Ordinal);
        Assert.DoesNotContain("can't be used", text, Ordinal);
        (status, text) = await RunAsync(Devices, "2", [.. Generate[..^1], "cuda:1"]);
        Assert.True(status == 0, text);
        (status, text) = await RunAsync(Devices, "2", [.. Generate[..^1], "cuda:2"]);
        Assert.Equal(1, status);
        Assert.Contains("ordinal is 2; 2 CUDA devices are present, counted from 0", text, Ordinal);
    }

    /// <summary>More rows than a grid has along y: the launch is refused, and nothing else.</summary>
    [Fact]
    public unsafe void ARefusedLaunchIsATypedErrorAndTheDeviceServesOn()
    {
        const int Rows = 64 * 65535 + 1;
        using Device device = CudaDevice.OpenOrSkip();
        using var stream = StreamHandle.Create(device.Handle);
        using var a = BufferHandle.Create(device.Handle, 2 * Rows);
        using var b = BufferHandle.Create(device.Handle, 2);
        using var d = BufferHandle.Create(device.Handle, 2 * Rows);
        var args = new hd_gemm_args
        {
            struct_size = (uint)sizeof(hd_gemm_args),
            a_dtype = (int)hd_dtype.HD_DTYPE_BF16,
            b_dtype = (int)hd_dtype.HD_DTYPE_BF16,
            d_dtype = (int)hd_dtype.HD_DTYPE_BF16,
            batch = 1,
            m = Rows,
            n = 1,
            k = 1,
            a = a.Data,
            b = b.Data,
            d = d.Data,
            a_stride = 1,
            b_stride = 1,
            d_stride = 1,
        };
        hd_gemm_args* call = &args;
        NativeException error = Assert.Throws<NativeException>(() =>
            stream.Run(&NativeMethods.hd_gemm, call)
        );
        Assert.Contains("cudaErrorInvalidConfiguration", error.Message, Ordinal);
        args.m = 2;
        stream.Run(&NativeMethods.hd_gemm, call);
        using NativeLease<hd_stream> lease = stream.Lease();
        NativeStatus.ThrowIfFailed(NativeMethods.hd_stream_synchronize(lease.Pointer));
    }

    [Fact]
    public async Task AnOldCardIsListedWithTheReason()
    {
        (int status, string text) = await RunAsync(
            "HADAL_EMULATOR_ARCHITECTURE",
            "75",
            Tool,
            "devices"
        );
        Assert.Equal(0, status);
        Assert.Contains("cuda:0 can't be used", text, Ordinal);
        Assert.Contains("is sm_75; the CUDA backend needs sm_80 or later", text, Ordinal);
    }

    [Fact]
    public async Task ADeviceLostInMidDecodeIsATypedErrorAndTheProcessLives()
    {
        (int status, string text) = await RunAsync(
            "HADAL_EMULATOR_QUIET",
            "1",
            typeof(CudaFaultTests).Assembly.Location,
            "-explicit",
            "only",
            "-method",
            $"{typeof(CudaFaultTests).FullName}.{nameof(LosesItsDevice)}"
        );
        Assert.True(status == 0, text);
        Assert.Contains("Total: 1, Errors: 0, Failed: 0, Skipped: 0", text, Ordinal);
    }

    /// <summary>What the test above runs in a process of its own.</summary>
    [Fact(Explicit = true)]
    public void LosesItsDevice()
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        using (Device device = Device.Cuda())
        using (
            DeepSeekModel model = DeepSeekModel.Load(
                TestModels.Folder("random-v3"),
                device,
                new ModelOptions { MaxStepTokens = 16, MaxContextTokens = 64 },
                cancellationToken: token
            )
        )
        using (PagedCache cache = model.CreateCache(64))
        using (CachedSequence sequence = cache.CreateSequence())
        using (StepBatch batch = model.CreateBatch(cache))
        {
            batch.Add(sequence, [3, 4], RowKind.Prefill);
            model.Forward(batch, token);
            batch.Clear();
            batch.Add(sequence, [5], RowKind.Decode);
            model.Forward(batch, token);
            ReadFarAway(device);
            batch.Clear();
            batch.Add(sequence, [6], RowKind.Decode);
            NativeDeviceLostException error = Assert.Throws<NativeDeviceLostException>(() =>
            {
                model.Forward(batch, token);
            });
            Assert.Contains("illegal memory access", error.Message, Ordinal);
            Assert.Equal(3, sequence.Length);
        }
        Assert.Throws<NativeDeviceLostException>(() => Device.Cuda());
        using DeepSeekModel onCpu = TestModels.Load("random-v3");
        using PagedCache cpuCache = onCpu.CreateCache(64);
        using CachedSequence alive = cpuCache.CreateSequence();
        using StepBatch cpuBatch = onCpu.CreateBatch(cpuCache);
        cpuBatch.Add(alive, [3, 4], RowKind.Prefill);
        Assert.Equal(1, onCpu.Forward(cpuBatch, token).Count);
    }

    private const StringComparison Ordinal = StringComparison.Ordinal;

    /// <summary>Queues a kernel that reads row 2^26 of a table of one row.</summary>
    private static unsafe void ReadFarAway(Device device)
    {
        const int Far = 1 << 26;
        using var stream = StreamHandle.Create(device.Handle);
        using var ids = BufferHandle.Create(device.Handle, sizeof(int));
        using var y = BufferHandle.Create(device.Handle, 4 * sizeof(float));
        using var table = BufferHandle.Create(device.Handle, 4 * sizeof(float));
        int id = Far;
        using (NativeLease<hd_stream> lease = stream.Lease())
            NativeStatus.ThrowIfFailed(
                NativeMethods.hd_copy_to_device(lease.Pointer, ids.Data, &id, sizeof(int))
            );
        var args = new hd_embedding_args
        {
            struct_size = (uint)sizeof(hd_embedding_args),
            table_dtype = (int)hd_dtype.HD_DTYPE_F32,
            y_dtype = (int)hd_dtype.HD_DTYPE_F32,
            m = 1,
            n = 4,
            rows = Far + 1,
            ids = (int*)ids.Data,
            table = table.Data,
            y = y.Data,
        };
        stream.Run(&NativeMethods.hd_embedding, &args);
    }

    private static async Task<(int Status, string Text)> RunAsync(
        string variable,
        string value,
        params string[] command
    )
    {
        CudaDevice.SkipUnlessEmulated();
        CancellationToken token = TestContext.Current.CancellationToken;
        var start = new ProcessStartInfo(Host, command)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[variable] = value;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(token);
        string error = await process.StandardError.ReadToEndAsync(token);
        await process.WaitForExitAsync(token);
        return (process.ExitCode, await output + error);
    }
}
