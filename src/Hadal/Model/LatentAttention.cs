using Hadal.Bindings;
using Hadal.Caching;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// Multi-head latent attention. In its absorbed form W_UK takes queries into the latent, attention runs over cached
/// latents, and W_UV takes the result back out; in its expanded form kv_b makes keys and values of the cached latents.
/// Where an indexer chooses, that of this layer or of one before, a token sees those that are chosen; else all.
/// </summary>
internal sealed unsafe class LatentAttention
{
    private const int Latent = NativeMethods.HD_LATENT_DIM;
    private const int RopeWidth = NativeMethods.HD_ROPE_DIM;
    private const int Mla = NativeMethods.HD_MLA_DIM;

    private readonly int _layer;
    private readonly int _heads;
    private readonly int _nope;
    private readonly int _value;
    private readonly float _epsilon;
    private readonly float _softmaxScale;
    private readonly bool _isSparse;
    private readonly LightningIndexer? _indexer; // Null where another layer's choice is used, too.
    private readonly FusedProjection _input; // of x
    private readonly DeviceTensor _queryNorm;
    private readonly FusedProjection? _queries; // of qr; null where x is projected to queries
    private readonly DeviceTensor _keyValueNorm;
    private readonly Weight _keyValueB;
    private readonly HeadWeight _keyUp; // W_UK, [nope, latent] a head
    private readonly HeadWeight _valueUp; // W_UV, [v, latent] a head
    private readonly Weight _output;

    /// <param name="config">The model's shapes.</param>
    /// <param name="weights">Where its weights come from.</param>
    /// <param name="layer">The layer's number.</param>
    /// <param name="name">What the names of its weights begin with.</param>
    public LatentAttention(DeepSeekConfig config, WeightLoader weights, int layer, string name)
    {
        _layer = layer;
        _nope = config.Attention.NopeDim;
        _value = config.Attention.ValueDim;
        _epsilon = config.RmsNormEps;
        _softmaxScale = config.SoftmaxScale;
        _isSparse = config.Indexer is not null;
        if (config.Indexer is { } indexer && indexer.KindOf(layer) == IndexerKind.Full)
            _indexer = new LightningIndexer(indexer, weights, $"{name}.indexer");
        int headGroup = config.Attention.HeadGroup;
        bool hasQueryRank = config.QLoraRank is not null;
        Weight queries = weights.Linear(
            hasQueryRank ? $"{name}.q_b_proj" : $"{name}.q_proj",
            headGroup * QueryHead
        );
        _heads = queries.Rows / QueryHead;
        var queryPart = new ProjectionPart(queries, static w => w.Query);
        _input = new FusedProjection(
            hasQueryRank
                ? new ProjectionPart(weights.Linear($"{name}.q_a_proj"), static w => w.QueryLatent)
                : queryPart,
            new ProjectionPart(
                weights.Linear($"{name}.kv_a_proj_with_mqa"),
                static w => w.KeyLatent
            ),
            _indexer?.Key
        );
        if (hasQueryRank)
        {
            _queryNorm = weights.Vector($"{name}.q_a_layernorm.weight");
            _queries = new FusedProjection(queryPart, _indexer?.Query);
        }
        _keyValueNorm = weights.Vector($"{name}.kv_a_layernorm.weight");
        _keyValueB = weights.Linear($"{name}.kv_b_proj", headGroup * (_nope + _value));
        HeadWeight keyValueUp = weights.PerHead(_keyValueB);
        _keyUp = keyValueUp.Range(0, _nope);
        _valueUp = keyValueUp.Range(_nope, _value);
        _output = weights.Linear($"{name}.o_proj", NativeMethods.HD_SCALE_BLOCK);
    }

    /// <summary>The forms in which it takes its input; an indexer's is the plain one too.</summary>
    public InputForms Input =>
        _input.Input | (_indexer is null ? InputForms.None : InputForms.Plain);

    private int QueryHead => _nope + RopeWidth;

    /// <summary>
    /// Takes the workspace's input, and leaves the block's output in x; adds the step's tokens to the layer's caches.
    /// </summary>
    public void Forward(Step step, LayerCache cache)
    {
        Kernels kernels = step.Kernels;
        Workspace w = step.Workspace;

        _input.Forward(step, w.Input);
        if (_queries is not null)
        {
            DeviceTensor latents = w.QueryLatent;
            kernels.Norm(
                latents,
                _queryNorm,
                _epsilon,
                w.QueryInput,
                _queries.Input,
                step.ScaleFormat
            );
            _queries.Forward(step, w.QueryInput);
        }

        DeviceTensor latent = w.KeyLatent.Slice(0, Latent);
        DeviceTensor keyRope = w.KeyLatent.Slice(Latent, RopeWidth);
        kernels.Norm(latent, _keyValueNorm, _epsilon, latent);
        Rope(step, keyRope, step.Positions, 1, 0, keyRope, 0);
        kernels.AppendLatent(latent, keyRope, step.Slots, cache.Mla, step.ScaleFormat);

        if (_indexer is not null)
        {
            _indexer.Forward(step, cache.Index);
            step.Selections.Record(step, _layer);
        }
        foreach (RowRun run in step.Runs)
        {
            if (run.Keys == 0)
                Absorbed(step, cache.Mla, run);
            else
                Expanded(step, cache.Mla, run);
        }
        LinearInput values = w.Values;
        kernels.Quantize(values, _output.Input, step.ScaleFormat);
        kernels.Linear(values, _output, w.X);
    }

    /// <summary>Attention over latents: W_UK into the latent, W_UV out of it.</summary>
    private void Absorbed(Step step, MlaPages cache, RowRun run)
    {
        Kernels kernels = step.Kernels;
        Workspace w = step.Workspace;
        DeviceTensor query = w.Query.Range(run.First, run.Count);
        DeviceTensor absorbed = w.AbsorbedQuery.Range(run.First, run.Count);
        DeviceTensor attended = w.Attended.Range(run.First, run.Count);
        DeviceTensor values = w.Values.Plain.Range(run.First, run.Count);

        // absorbed query of a head = [q_nope · W_UK, rope(q_rope)]
        kernels.Gemm(
            _heads,
            query.Slice(0, _nope),
            _keyUp,
            true,
            absorbed.Slice(0, Latent),
            QueryHead,
            Mla
        );
        int* positions = step.Positions + run.First;
        DeviceTensor rope = query.Slice(_nope, RopeWidth);
        Rope(step, rope, positions, _heads, QueryHead, absorbed.Slice(Latent, RopeWidth), Mla);

        if (!_isSparse)
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
            values.Slice(0, _value),
            Latent,
            _value
        );
    }

    /// <summary>Attention over keys and values that kv_b expands from all latents of the run's sequence.</summary>
    private void Expanded(Step step, MlaPages cache, RowRun run)
    {
        Kernels kernels = step.Kernels;
        Workspace w = step.Workspace;
        DeviceTensor query = w.Query.Range(run.First, run.Count);
        DeviceTensor context = step.Expanded.Cached(run.Keys);
        LinearInput latents = step.Expanded.Latents(run.Keys);
        DeviceTensor keyValues = step.Expanded.KeyValues(run.Keys);

        kernels.GatherLatent(run.KeySlots, cache, context);
        kernels.Quantize(latents, _keyValueB.Input, step.ScaleFormat);
        kernels.Linear(latents, _keyValueB, keyValues);

        int* positions = step.Positions + run.First;
        DeviceTensor rope = query.Slice(_nope, RopeWidth);
        Rope(step, rope, positions, _heads, QueryHead, rope, QueryHead);
        int topK = _isSparse ? w.Indices.Columns : 0;
        kernels.MaskedMha(
            query,
            _heads,
            keyValues,
            context.Slice(Latent, RopeWidth),
            _value,
            step.Paging.Visible + run.First,
            _isSparse ? w.ChosenPositions + (long)run.First * topK : null,
            topK,
            _softmaxScale,
            w.Values.Plain.Range(run.First, run.Count)
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
