using BenchmarkDotNet.Attributes;

namespace Hadal.Benchmarks;

/// <summary>Each operation as the model's layers call it, in the shapes of DeepSeek-V3.2, after 32 K tokens.</summary>
[MemoryDiagnoser]
public class OpBenchmarks
{
    private const int Hidden = 7168;

    private TrueShapeOps? _ops;

    /// <summary>Tokens of the step.</summary>
    [Params(1, 64)]
    public int Tokens { get; set; }

    /// <summary>The operation.</summary>
    [ParamsSource(nameof(Names))]
    public string Op { get; set; } = "";

    public static IEnumerable<string> Names => TrueShapeOps.Names;

    [GlobalSetup]
    public void SetUp() => _ops = new TrueShapeOps(Hidden, Tokens);

    [Benchmark]
    public void Run() => _ops!.Run(Op);

    [GlobalCleanup]
    public void CleanUp() => _ops?.Dispose();
}
