using Hadal.Bindings;
using Hadal.Caching;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// Multi-head latent attention in its absorbed form: W_UK takes queries into the latent, attention runs over cached
/// latents, W_UV takes the result back out. With an indexer it sees the tokens that this chooses, else all.
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
    private readonly RotaryEmbedding _rotary;
    private readonly LightningIndexer? _indexer;
    private readonly Fp8Weight _queryA;
    private readonly DeviceTensor _queryNorm;
    private readonly Fp8Weight _queryB;
    private readonly Fp8Weight _keyValueA;
    private readonly DeviceTensor _keyValueNorm;
    private readonly DeviceTensor _keyUp; // W_UK of the first head, [nope, latent]
    private readonly DeviceTensor _valueUp; // W_UV of the first head, [v, latent]
    private readonly Fp8Weight _output;

    public LatentAttention(
        DeepSeekConfig config,
        RotaryEmbedding rotary,
        WeightLoader weights,
        string name
    )
    {
        _heads = config.NumAttentionHeads;
        _epsilon = config.RmsNormEps;
        _softmaxScale = config.SoftmaxScale;
        _rotary = rotary;
        _queryA = weights.Fp8($"{name}.q_a_proj");
        _queryNorm = weights.Vector($"{name}.q_a_layernorm.weight");
        _queryB = weights.Fp8($"{name}.q_b_proj");
        _keyValueA = weights.Fp8($"{name}.kv_a_proj_with_mqa");
        _keyValueNorm = weights.Vector($"{name}.kv_a_layernorm.weight");
        DeviceTensor keyValueB = weights.Dequantized($"{name}.kv_b_proj");
        _keyUp = keyValueB.Top(Nope);
        _valueUp = new DeviceTensor(
            keyValueB.Row(Nope).Data,
            keyValueB.Type,
            Value,
            Latent,
            Latent
        );
        _output = weights.Fp8($"{name}.o_proj");
        if (config.Indexer is { } indexer)
            _indexer = new LightningIndexer(indexer, rotary, weights, $"{name}.indexer");
    }

    /// <summary>Takes x and leaves the block's output there; adds the step's tokens to the layer's caches.</summary>
    public void Forward(Step step, LayerCache cache)
    {
        Kernels kernels = step.Kernels;
        Workspace w = step.Workspace;
        kernels.Quantize(w.X, step.ScaleFormat, w.XCodes);

        kernels.Fp8Gemm(w.XCodes, _queryA, w.QueryLatent);
        kernels.RmsNorm(w.QueryLatent, _queryNorm, _epsilon, w.QueryLatent);
        kernels.Quantize(w.QueryLatent, step.ScaleFormat, w.QueryLatentCodes);
        kernels.Fp8Gemm(w.QueryLatentCodes, _queryB, w.Query);

        kernels.Fp8Gemm(w.XCodes, _keyValueA, w.KeyLatent);
        DeviceTensor latent = w.KeyLatent.Slice(0, Latent);
        DeviceTensor keyRope = w.KeyLatent.Slice(Latent, RopeWidth);
        kernels.RmsNorm(latent, _keyValueNorm, _epsilon, latent);
        Rope(step, keyRope, 1, 0, keyRope, 0);
        kernels.AppendLatent(latent, keyRope, step.Slots, cache.Mla, step.ScaleFormat);

        Absorb(step);
        if (_indexer is null)
        {
            kernels.DenseMla(
                w.AbsorbedQuery,
                _heads,
                cache.Mla,
                step.Paging,
                _softmaxScale,
                w.Attended
            );
        }
        else
        {
            _indexer.Forward(step, cache.Index);
            kernels.SparseMla(
                w.AbsorbedQuery,
                _heads,
                cache.Mla,
                w.Indices,
                _softmaxScale,
                w.Attended
            );
        }

        // values of a head = W_UV · attended
        kernels.GemmPerHead(
            _heads,
            w.Attended.Slice(0, Latent),
            _valueUp,
            false,
            w.Values.Slice(0, Value),
            Latent,
            (Nope + Value) * Latent,
            Value
        );
        kernels.Quantize(w.Values, step.ScaleFormat, w.ValueCodes);
        kernels.Fp8Gemm(w.ValueCodes, _output, w.X);
    }

    /// <summary>absorbed query of a head = [q_nope · W_UK, rope(q_rope)].</summary>
    private void Absorb(Step step)
    {
        Workspace w = step.Workspace;
        step.Kernels.GemmPerHead(
            _heads,
            w.Query.Slice(0, Nope),
            _keyUp,
            true,
            w.AbsorbedQuery.Slice(0, Latent),
            Nope + RopeWidth,
            (Nope + Value) * Latent,
            Mla
        );
        Rope(
            step,
            w.Query.Slice(Nope, RopeWidth),
            _heads,
            Nope + RopeWidth,
            w.AbsorbedQuery.Slice(Latent, RopeWidth),
            Mla
        );
    }

    private void Rope(
        Step step,
        DeviceTensor x,
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
            _rotary.Table,
            step.Positions,
            y,
            yHeadStride
        );
}
