using BenchmarkDotNet.Attributes;
using Hadal.Bindings;
using Hadal.Checkpoints;

namespace Hadal.Benchmarks;

/// <summary>What a call into the native library costs by itself.</summary>
[MemoryDiagnoser]
public unsafe class CallBenchmarks
{
    private readonly TrueShapeOps _ops = new(DeepSeekConfig.Block, tokens: 1);

    /// <summary>The transition alone: the call answers from a constant.</summary>
    [Benchmark]
    public uint PInvoke()
    {
        uint count;
        NativeStatus.ThrowIfFailed(NativeMethods.hd_layout_count(&count));
        return count;
    }

    /// <summary>Descriptor, checks, dispatch and an operation on 128 numbers.</summary>
    [Benchmark]
    public void SmallestOp() => _ops.Run("rms_norm");

    [GlobalCleanup]
    public void CleanUp() => _ops.Dispose();
}
