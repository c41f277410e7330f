using System.Text.Json.Nodes;
using Hadal.Bindings;
using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Cli.Synthesis;
using Hadal.Model;
using Hadal.Tensors;

namespace Hadal.Benchmarks;

/// <summary>
/// The operations of a layer in the shapes of DeepSeek-V3.2, on random data in memory of their own: no checkpoint is
/// needed. Not thread-safe.
/// </summary>
internal sealed unsafe class TrueShapeOps : IDisposable
{
    private const int Context = 32 * 1024;
    private const int Pages = Context / PagedCache.PageTokens;
    private const int Columns = 2048;
    private const float Epsilon = 1e-6f;
    private const hd_scale_format Ue8m0 = hd_scale_format.HD_SCALE_UE8M0;

    private readonly Dictionary<string, Action> _runs;
    private readonly Device _device = Device.Cpu();
    private readonly DeviceMemory _memory;
    private readonly Kernels _kernels;
    private SplitMix64 _random = new(1);

    /// <param name="hidden">Width of the residual stream.</param>
    /// <param name="tokens">Tokens of the step.</param>
    public TrueShapeOps(int hidden, int tokens)
    {
        JsonObject json = Preset.Config(Preset.TrueShape);
        json["hidden_size"] = hidden;
        DeepSeekConfig config = DeepSeekConfig.Parse(
            System.Text.Encoding.UTF8.GetBytes(json.ToJsonString())
        );
        int heads = config.NumAttentionHeads;
        int indexHeads = config.Indexer!.NumHeads;
        _memory = new DeviceMemory(_device);
        _kernels = new Kernels(_memory);
        var options = new ModelOptions { MaxStepTokens = tokens };
        var forms = new ScratchForms(InputForms.Quantized, InputForms.Quantized);
        var w = new Workspace(_memory, new ModelPlan(config, options, _device), forms)
        {
            Tokens = tokens,
        };

        DeviceTensor norm = BFloat16(1, hidden);
        Weight gate = Fp8(Columns, hidden);
        Weight up = Fp8(Columns, hidden);
        Weight queryA = Fp8(config.QLoraRank!.Value, hidden);
        Weight keyValueA = Fp8(NativeMethods.HD_MLA_DIM, hidden);
        Weight indexKey = Fp8(NativeMethods.HD_INDEX_DIM, hidden);
        DeviceTensor router = BFloat16(config.NRoutedExperts, hidden);
        DeviceTensor bias = _memory.Matrix(hd_dtype.HD_DTYPE_F32, 1, config.NRoutedExperts);
        DeviceTensor projected = BFloat16(tokens, Columns);
        var rotary = new RotaryEmbedding(config, _memory, _kernels);
        DeviceTensor rotaryTable = rotary.Table(Context, Context);
        var mla = new MlaPages(
            Allocate(
                (long)Pages * PagedCache.PageTokens * MlaPages.TokenBytes(hd_mla_format.HD_MLA_FP8)
            ),
            Pages,
            hd_mla_format.HD_MLA_FP8
        );
        var index = new IndexPages(Allocate((long)Pages * CacheLayout.IndexPageBytes), Pages);
        int* slots = Ints(tokens, i => Context - tokens + i);
        int* allSlots = Ints(Context, i => i);
        var paging = new Paging(
            1,
            Pages,
            Ints(Pages, i => i),
            Ints(tokens, _ => 0),
            Ints(tokens, i => Context - tokens + i + 1)
        );
        FillCaches(mla, index, allSlots);
        Randomize(w.X);
        Randomize(w.Residual);
        Randomize(w.AbsorbedQuery);
        Randomize(w.KeyLatent);
        Randomize(w.IndexKey);
        Randomize(w.IndexQuery);
        for (long i = 0; i < w.IndexWeights.Rows * (long)w.IndexWeights.Columns; i++)
            w.IndexWeights.F32[i] = (float)_random.NextUnit();

        DeviceTensor latent = w.KeyLatent.Slice(0, NativeMethods.HD_LATENT_DIM);
        DeviceTensor keyRope = w.KeyLatent.Slice(
            NativeMethods.HD_LATENT_DIM,
            NativeMethods.HD_ROPE_DIM
        );
        _runs = new Dictionary<string, Action>
        {
            ["rms_norm"] = () =>
                _kernels.Norm(
                    w.X,
                    norm,
                    Epsilon,
                    new LinearInput(w.Residual, w.Input.Codes),
                    InputForms.Plain | InputForms.Quantized,
                    Ue8m0
                ),
            ["fp8_quantize"] = () => _kernels.Quantize(w.Input, InputForms.Quantized, Ue8m0),
            ["fp8_gemm"] = () => _kernels.Linear(w.Input, gate, projected),
            ["fp8_gemm_multi"] = () =>
                _kernels.Fp8GemmMulti(
                    w.Input.Codes,
                    (queryA, w.QueryLatent),
                    (keyValueA, w.KeyLatent),
                    (indexKey, w.IndexKey)
                ),
            ["gemm"] = () => _kernels.Gemm(w.X, router, w.RouterLogits),
            ["moe_route"] = () =>
                _kernels.Route(
                    w.RouterLogits,
                    bias.F32,
                    config.NGroup,
                    config.TopkGroup,
                    true,
                    config.RoutedScalingFactor,
                    w.ExpertIds,
                    w.ExpertWeights
                ),
            ["swiglu"] = () => _kernels.SwiGlu(w.Input, gate, up, projected, default),
            ["rope"] = () =>
                _kernels.Rope(
                    keyRope,
                    1,
                    0,
                    hd_rope_layout.HD_ROPE_INTERLEAVED,
                    rotaryTable,
                    slots,
                    keyRope,
                    0
                ),
            ["hadamard"] = () =>
                _kernels.Hadamard(w.IndexQuery.Reshape(NativeMethods.HD_INDEX_DIM)),
            ["mla_cache_append"] = () => _kernels.AppendLatent(latent, keyRope, slots, mla, Ue8m0),
            ["index_cache_append"] = () =>
                _kernels.AppendIndexKeys(w.IndexKey, slots, index, Ue8m0),
            ["index_query_quantize"] = () =>
                _kernels.QuantizeRows(
                    w.IndexQuery.Reshape(NativeMethods.HD_INDEX_DIM),
                    Ue8m0,
                    w.IndexQueryCodes,
                    w.IndexQueryScales
                ),
            ["indexer_topk"] = () =>
                _kernels.IndexerTopK(
                    w.IndexQueryCodes,
                    w.IndexWeights,
                    index,
                    paging,
                    w.Indices,
                    null
                ),
            ["sparse_mla"] = () =>
                _kernels.SparseMla(
                    w.AbsorbedQuery,
                    heads,
                    mla,
                    w.Indices,
                    config.SoftmaxScale,
                    w.Attended
                ),
        };
        _kernels.Plan(RunAll);
        // What one operation leaves the next one takes.
        RunAll();
        return;

        void FillCaches(MlaPages latents, IndexPages keys, int* all)
        {
            DeviceTensor latentsAndRopes = BFloat16(Context, NativeMethods.HD_MLA_DIM);
            _kernels.AppendLatent(
                latentsAndRopes.Slice(0, NativeMethods.HD_LATENT_DIM),
                latentsAndRopes.Slice(NativeMethods.HD_LATENT_DIM, NativeMethods.HD_ROPE_DIM),
                all,
                latents,
                Ue8m0
            );
            _kernels.AppendIndexKeys(
                BFloat16(Context, NativeMethods.HD_INDEX_DIM),
                all,
                keys,
                Ue8m0
            );
        }
    }

    /// <summary>The operations, in the order of a layer.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "rms_norm",
        "fp8_quantize",
        "fp8_gemm",
        "fp8_gemm_multi",
        "gemm",
        "moe_route",
        "swiglu",
        "rope",
        "hadamard",
        "mla_cache_append",
        "index_cache_append",
        "index_query_quantize",
        "indexer_topk",
        "sparse_mla",
    ];

    public void Run(string op) => _runs[op]();

    public void Dispose()
    {
        _kernels.Dispose();
        _memory.Dispose();
        _device.Dispose();
    }

    private void RunAll()
    {
        foreach (string name in Names)
            Run(name);
    }

    private byte* Allocate(long bytes) => (byte*)_memory.Allocate(bytes);

    private int* Ints(int count, Func<int, int> value)
    {
        var ints = (int*)_memory.Allocate((long)count * sizeof(int));
        for (int i = 0; i < count; i++)
            ints[i] = value(i);
        return ints;
    }

    private DeviceTensor BFloat16(int rows, int columns)
    {
        DeviceTensor x = _memory.Matrix(hd_dtype.HD_DTYPE_BF16, rows, columns);
        Randomize(x);
        return x;
    }

    /// <summary>Of deviation 1.</summary>
    private void Randomize(DeviceTensor x)
    {
        var values = new Span<ushort>(x.Data, checked(x.Rows * x.Columns));
        new RandomElements<ushort>(0, 1, Encoding.BFloat16).Fill(ref _random, values);
    }

    private Weight Fp8(int rows, int columns)
    {
        var linear = new RandomLinear(columns, ScaleKind.PowersOfTwo);
        int scaleCount =
            (rows + DeepSeekConfig.Block - 1)
            / DeepSeekConfig.Block
            * (columns / DeepSeekConfig.Block);
        byte* codes = Allocate((long)rows * columns);
        var scales = (float*)Allocate((long)scaleCount * sizeof(float));
        linear.Codes.Fill(ref _random, new Span<byte>(codes, rows * columns));
        linear.FillScales(ref _random, new Span<float>(scales, scaleCount));
        return new Weight(codes, scales, rows, columns, scalesArePowersOfTwo: true);
    }
}
