using Hadal.Bindings;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// Chooses the tokens that a token attends to. Its small heads score every visible token:
/// I[t, s] = Σ over heads of weight[t, h] · relu(q[t, h] · k[s]).
/// </summary>
internal sealed unsafe class LightningIndexer(
    IndexerConfig config,
    WeightLoader weights,
    string name
)
{
    private const int Dim = NativeMethods.HD_INDEX_DIM;

    // The reference's LayerNorm has this epsilon, whatever rms_norm_eps is.
    internal const float KeyNormEpsilon = 1e-6f;

    private readonly DeviceTensor _keyNorm = weights.FloatVector($"{name}.k_norm.weight");
    private readonly DeviceTensor _keyNormBias = weights.FloatVector($"{name}.k_norm.bias");
    private readonly DeviceTensor _headWeights = weights.Matrix($"{name}.weights_proj.weight");
    private readonly float _headScale = HeadScale(config.NumHeads);

    /// <summary>index_head_dim^-0.5; YaRN's m has no part in it.</summary>
    internal static float SoftmaxScale => 1 / MathF.Sqrt(Dim);

    /// <summary>n_heads^-0.5.</summary>
    internal static float HeadScale(int heads) => 1 / MathF.Sqrt(heads);

    /// <summary>The keys' part in what x is projected to: wk.</summary>
    public ProjectionPart Key { get; } = new(weights.Linear($"{name}.wk"), static w => w.IndexKey);

    /// <summary>The queries' part in what qr is projected to: wq_b, where <see cref="Scores"/>.</summary>
    public ProjectionPart Query { get; } =
        new(weights.Linear($"{name}.wq_b"), static w => w.IndexQuery, Scores);

    /// <summary>
    /// Whether a step scores tokens: one that sees no more than are chosen takes them all, unscored, and no query is read.
    /// </summary>
    private static bool Scores(Step step) => step.Paging.MaxTokens > step.Workspace.Indices.Columns;

    /// <summary>
    /// Takes the outputs of <see cref="Key"/> and <see cref="Query"/> from the workspace and adds the step's keys to the
    /// cache; leaves the chosen slots in the workspace.
    /// </summary>
    public void Forward(Step step, IndexPages cache)
    {
        Kernels kernels = step.Kernels;
        Workspace w = step.Workspace;

        kernels.LayerNorm(w.IndexKey, _keyNorm, _keyNormBias, KeyNormEpsilon);
        Rope(step, w.IndexKey, 1);
        kernels.Hadamard(w.IndexKey);
        kernels.AppendIndexKeys(w.IndexKey, step.Slots, cache, step.ScaleFormat);

        if (Scores(step))
            QuantizeQuery(step);
        kernels.IndexerTopK(
            w.IndexQueryCodes,
            w.IndexWeights,
            cache,
            step.Paging,
            w.Indices,
            w.ChosenPositions
        );
    }

    /// <summary>Leaves the heads' queries, quantised, and their weights in the workspace.</summary>
    private void QuantizeQuery(Step step)
    {
        Kernels kernels = step.Kernels;
        Workspace w = step.Workspace;
        Rope(step, w.IndexQuery, config.NumHeads);
        DeviceTensor heads = w.IndexQuery.Reshape(Dim);
        kernels.Hadamard(heads);
        kernels.QuantizeRows(heads, step.ScaleFormat, w.IndexQueryCodes, w.IndexQueryScales);

        kernels.Gemm(w.X, _headWeights, w.IndexWeights);
        kernels.IndexerWeights(w.IndexWeights, _headScale, w.IndexQueryScales, SoftmaxScale);
    }

    /// <summary>Turns the first 64 of each head's 128 dimensions.</summary>
    private void Rope(Step step, DeviceTensor x, int heads)
    {
        DeviceTensor rope = x.Slice(0, NativeMethods.HD_ROPE_DIM);
        step.Kernels.Rope(
            rope,
            heads,
            Dim,
            config.IsRopeInterleaved
                ? hd_rope_layout.HD_ROPE_INTERLEAVED
                : hd_rope_layout.HD_ROPE_HALVES,
            step.RotaryTable,
            step.Positions,
            rope,
            Dim
        );
    }
}
