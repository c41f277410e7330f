using Hadal.Bindings;
using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// Multi-head latent attention. In its absorbed form W_UK takes queries into the latent, attention runs over cached
/// latents, and W_UV takes the result back out; in its expanded form kv_b makes keys and values of the cached latents.
/// With an indexer a token sees those that this chooses, else all.
/// </summary>
internal sealed unsafe class LatentAttention
{
    private const int Nope = DeepSeekConfig.NopeDim;
    private const int Value = DeepSeekConfig.ValueDim;
    private const int Latent = DeepSeekConfig.LatentDim;
    private const int RopeWidth = DeepSeekConfig.RopeDim;
    private const int Mla = Latent + RopeWidth;

    private readonly int _heads;
    private readonly float _epsilon;
    private readonly float _softmaxScale;
    private readonly LightningIndexer? _indexer;
    private readonly FusedProjection _input; // of x
    private readonly DeviceTensor _queryNorm;
    private readonly FusedProjection _queries; // of qr
    private readonly DeviceTensor _keyValueNorm;
    private readonly Fp8Weight _keyValueB;
    private readonly HeadWeight _keyUp; // W_UK, [nope, latent] a head
    private readonly HeadWeight _valueUp; // W_UV, [v, latent] a head
    private readonly Fp8Weight _output;

    public LatentAttention(DeepSeekConfig config, WeightLoader weights, string name)
    {
        _heads = config.NumAttentionHeads;
        _epsilon = config.RmsNormEps;
        _softmaxScale = config.SoftmaxScale;
        if (config.Indexer is { } indexer)
            _indexer = new LightningIndexer(indexer, weights, $"{name}.indexer");
        _input = new FusedProjection(
            new ProjectionPart(weights.Fp8($"{name}.q_a_proj"), static w => w.QueryLatent),
            new ProjectionPart(weights.Fp8($"{name}.kv_a_proj_with_mqa"), static w => w.KeyLatent),
            _indexer?.Key
        );
        _queryNorm = weights.Vector($"{name}.q_a_layernorm.weight");
        _queries = new FusedProjection(
            new ProjectionPart(weights.Fp8($"{name}.q_b_proj"), static w => w.Query),
            _indexer?.Query
        );
        _keyValueNorm = weights.Vector($"{name}.kv_a_layernorm.weight");
        _keyValueB = weights.Fp8($"{name}.kv_b_proj");
        HeadWeight keyValueUp = weights.PerHead(_keyValueB, Nope + Value);
        _keyUp = keyValueUp.Range(0, Nope);
        _valueUp = keyValueUp.Range(Nope, Value);
        _output = weights.Fp8($"{name}.o_proj");
    }

    /// <summary>Whether an indexer chooses what a token sees.</summary>
    public bool HasIndexer => _indexer is not null;

    /// <summary>
    /// Takes x quantised, and for an indexer as it is too, and leaves the block's output in x; adds the step's tokens to the
    /// layer's caches.
    /// </summary>
    public void Forward(Step step, LayerCache cache)
    {
        Kernels kernels = step.Kernels;
        Workspace w = step.Workspace;

        _input.Forward(step, w.XCodes);
        kernels.NormQuantized(
            w.QueryLatent,
            _queryNorm,
            _epsilon,
            w.QueryLatentCodes,
            step.ScaleFormat
        );
        _queries.Forward(step, w.QueryLatentCodes);

        DeviceTensor latent = w.KeyLatent.Slice(0, Latent);
        DeviceTensor keyRope = w.KeyLatent.Slice(Latent, RopeWidth);
        kernels.Norm(latent, _keyValueNorm, _epsilon, latent);
        Rope(step, keyRope, step.Positions, 1, 0, keyRope, 0);
        kernels.AppendLatent(latent, keyRope, step.Slots, cache.Mla, step.ScaleFormat);

        _indexer?.Forward(step, cache.Index);
        foreach (RowRun run in step.Runs)
        {
            if (run.Keys == 0)
                Absorbed(step, cache.Mla, run);
            else
                Expanded(step, cache.Mla, run);
        }
        kernels.Quantize(w.Values, step.ScaleFormat, w.ValueCodes);
        kernels.Fp8Gemm(w.ValueCodes, _output, w.X);
    }

    /// <summary>Attention over latents: W_UK into the latent, W_UV out of it.</summary>
    private void Absorbed(Step step, MlaPages cache, RowRun run)
    {
        Kernels kernels = step.Kernels;
        Workspace w = step.Workspace;
        DeviceTensor query = w.Query.Range(run.First, run.Count);
        DeviceTensor absorbed = w.AbsorbedQuery.Range(run.First, run.Count);
        DeviceTensor attended = w.Attended.Range(run.First, run.Count);
        DeviceTensor values = w.Values.Range(run.First, run.Count);

        // absorbed query of a head = [q_nope · W_UK, rope(q_rope)]
        kernels.Gemm(
            _heads,
            query.Slice(0, Nope),
            _keyUp,
            true,
            absorbed.Slice(0, Latent),
            Nope + RopeWidth,
            Mla
        );
        int* positions = step.Positions + run.First;
        DeviceTensor rope = query.Slice(Nope, RopeWidth);
        Rope(
            step,
            rope,
            positions,
            _heads,
            Nope + RopeWidth,
            absorbed.Slice(Latent, RopeWidth),
            Mla
        );

        if (_indexer is null)
        {
            Paging paging = step.Paging.From(run.First);
            kernels.DenseMla(absorbed, _heads, cache, paging, _softmaxScale, attended);
        }
        else
        {
            DeviceTensor indices = w.Indices.Range(run.First, run.Count);
            kernels.SparseMla(absorbed, _heads, cache, indices, _softmaxScale, attended);
        }

        // values of a head = W_UV · attended
        kernels.Gemm(
            _heads,
            attended.Slice(0, Latent),
            _valueUp,
            false,
            values.Slice(0, Value),
            Latent,
            Value
        );
    }

    /// <summary>Attention over keys and values that kv_b expands from all latents of the run's sequence.</summary>
    private void Expanded(Step step, MlaPages cache, RowRun run)
    {
        Kernels kernels = step.Kernels;
        Workspace w = step.Workspace;
        DeviceTensor query = w.Query.Range(run.First, run.Count);
        DeviceTensor context = step.Expanded.Latents(run.Keys);
        QuantizedTensor codes = step.Expanded.Codes(run.Keys);
        DeviceTensor keyValues = step.Expanded.KeyValues(run.Keys);

        kernels.GatherLatent(run.KeySlots, cache, context);
        kernels.Quantize(context.Slice(0, Latent), step.ScaleFormat, codes);
        kernels.Fp8Gemm(codes, _keyValueB, keyValues);

        int* positions = step.Positions + run.First;
        DeviceTensor rope = query.Slice(Nope, RopeWidth);
        Rope(step, rope, positions, _heads, Nope + RopeWidth, rope, Nope + RopeWidth);
        int topK = _indexer is null ? 0 : w.Indices.Columns;
        kernels.MaskedMha(
            query,
            _heads,
            keyValues,
            context.Slice(Latent, RopeWidth),
            Value,
            step.Paging.Visible + run.First,
            _indexer is null ? null : w.ChosenPositions + (long)run.First * topK,
            topK,
            _softmaxScale,
            w.Values.Range(run.First, run.Count)
        );
    }

    private static void Rope(
        Step step,
        DeviceTensor x,
        int* positions,
        int heads,
        long xHeadStride,
        DeviceTensor y,
        long yHeadStride
    ) =>
        step.Kernels.Rope(
            x,
            heads,
            xHeadStride,
            hd_rope_layout.HD_ROPE_INTERLEAVED,
            step.RotaryTable,
            positions,
            y,
            yHeadStride
        );
}
