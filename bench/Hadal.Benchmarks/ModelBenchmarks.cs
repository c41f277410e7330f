using BenchmarkDotNet.Attributes;
using Hadal.Caching;
using Hadal.Cli.Synthesis;
using Hadal.Model;

namespace Hadal.Benchmarks;

/// <summary>
/// A step of a whole model: a layer of experts in the shapes of DeepSeek-V3.2, with 32 experts, or the model of 0.8
/// thousand million parameters. Their checkpoints are written to the temporary folder once, and stay. Contexts are random,
/// not computed.
/// </summary>
[MemoryDiagnoser]
public class ModelBenchmarks
{
    private const int PrefillTokens = 512;
    private const string Layer = "true-shape layer";

    private int[] _tokens = [];
    private DeepSeekModel? _model;
    private Device? _device;
    private PagedCache? _cache;
    private CachedSequence? _sequence;
    private StepBatch? _batch;

    /// <summary>The model.</summary>
    [Params(Layer, Preset.V3At800M)]
    public string Model { get; set; } = "";

    /// <summary>Tokens in the cache.</summary>
    [Params(0, 4096, 32768)]
    public int Context { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        string folder =
            Model == Layer
                ? RandomFolder.Of(Preset.TrueShape, layers: 1, denseLayers: 0)
                : RandomFolder.Of(Model, layers: 8, denseLayers: 1);
        _device = Device.Cpu();
        _model = DeepSeekModel.Load(
            folder,
            _device,
            new ModelOptions
            {
                MaxStepTokens = PrefillTokens,
                MaxContextTokens = Context + PrefillTokens,
            }
        );
        _cache = _model.CreateCache(Context + PrefillTokens);
        _sequence = _cache.CreateSequence();
        _batch = _model.CreateBatch(_cache);
        while (_sequence.Length < Context)
        {
            _batch.Clear();
            _batch.Add(_sequence, new int[PrefillTokens], RowKind.Prefill, LogitRows.None);
            _model.FillRandomly(_batch, (ulong)_sequence.Length);
        }
        _tokens = [.. Enumerable.Range(0, PrefillTokens).Select(i => i * 37 % 4096)];
    }

    [Benchmark]
    public void Decode() => Step(1, RowKind.Decode);

    [Benchmark(OperationsPerInvoke = PrefillTokens)]
    public void PrefillToken() => Step(PrefillTokens, RowKind.Prefill);

    [GlobalCleanup]
    public void CleanUp()
    {
        _batch?.Dispose();
        _sequence?.Dispose();
        _cache?.Dispose();
        _model?.Dispose();
        _device?.Dispose();
    }

    private void Step(int tokens, RowKind kind)
    {
        _batch!.Clear();
        _batch.Add(_sequence!, _tokens.AsSpan(0, tokens), kind);
        _model!.Forward(_batch);
        _sequence!.Truncate(Context);
    }
}
