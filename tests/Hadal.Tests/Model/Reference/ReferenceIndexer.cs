using Hadal.Checkpoints;

namespace Hadal.Tests.Model.Reference;

/// <summary>The lightning indexer: I[t, s] = Σ over heads of w[t, h] · relu(q[t, h] · k[s]) (DeepSeek-V3.2 report, equation 1).</summary>
internal sealed class ReferenceIndexer(
    Checkpoint checkpoint,
    ReferenceShape shape,
    ReferenceRun run,
    string name
)
{
    private const int Dim = 128;

    private readonly ReferenceLinear _query = new(
        checkpoint,
        $"{name}.wq_b",
        shape.ScalesArePowersOfTwo
    );
    private readonly ReferenceLinear _key = new(
        checkpoint,
        $"{name}.wk",
        shape.ScalesArePowersOfTwo
    );
    private readonly ReferenceLinear _weights = new(checkpoint, $"{name}.weights_proj", false);
    private readonly double[] _norm = ReferenceLinear.Expand(checkpoint[$"{name}.k_norm.weight"]);
    private readonly double[] _bias = ReferenceLinear.Expand(checkpoint[$"{name}.k_norm.bias"]);

    /// <returns>By token, the positions chosen, ascending.</returns>
    public int[][] Select(double[][] x, double[][] queryLatents)
    {
        var keys = new double[x.Length][];
        var result = new int[x.Length][];
        for (int t = 0; t < x.Length; t++)
        {
            double[] key = run.Round(_key.Apply(x[t]));
            keys[t] = Transform(run.Round(ReferenceMath.LayerNorm(key, _norm, _bias, 1e-6)), t);
            double[] query = run.Round(_query.Apply(queryLatents[t]));
            double[] weights = _weights.Apply(x[t]);
            var scores = new double[t + 1];
            for (int head = 0; head < shape.IndexHeads; head++)
            {
                double[] q = Transform(query[(head * Dim)..((head + 1) * Dim)], t);
                double weight = weights[head] / Math.Sqrt(shape.IndexHeads) / Math.Sqrt(Dim);
                for (int s = 0; s <= t; s++)
                    scores[s] += weight * Math.Max(ReferenceMath.Dot(q, keys[s]), 0);
            }
            result[t] = ReferenceMath.Largest(scores, shape.IndexTopK!.Value);
        }
        return result;
    }

    private double[] Transform(double[] x, int position)
    {
        ReferenceMath.Rotate(
            x.AsSpan(0, shape.RopeDim),
            shape.Frequencies,
            position,
            shape.IndexRopeIsInterleaved
        );
        double[] transformed = run.Round(ReferenceMath.Hadamard(run.Round(x)));
        return Quantization.RoundTrip(transformed, shape.ScalesArePowersOfTwo);
    }
}
