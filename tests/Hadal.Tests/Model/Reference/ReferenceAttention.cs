using Hadal.Checkpoints;

namespace Hadal.Tests.Model.Reference;

/// <summary>Multi-head latent attention over a whole sequence, with keys and values expanded from the latents.</summary>
internal sealed class ReferenceAttention
{
    private readonly ReferenceShape _shape;
    private readonly ReferenceRun _run;
    private readonly ReferenceLinear? _queryA;
    private readonly double[]? _queryNorm;
    private readonly ReferenceLinear _query;
    private readonly ReferenceLinear _keyValueA;
    private readonly double[] _keyValueNorm;
    private readonly ReferenceLinear _keyValueB;
    private readonly ReferenceLinear _output;
    private readonly ReferenceIndexer? _indexer;

    public ReferenceAttention(
        Checkpoint checkpoint,
        ReferenceShape shape,
        ReferenceRun run,
        int layer
    )
    {
        string name = $"model.layers.{layer}.self_attn";
        _shape = shape;
        _run = run;
        if (shape.HasQueryLatent)
        {
            _queryA = Linear("q_a_proj");
            _queryNorm = ReferenceLinear.Expand(checkpoint[$"{name}.q_a_layernorm.weight"]);
        }
        _query = Linear(shape.HasQueryLatent ? "q_b_proj" : "q_proj");
        _keyValueA = Linear("kv_a_proj_with_mqa");
        _keyValueNorm = ReferenceLinear.Expand(checkpoint[$"{name}.kv_a_layernorm.weight"]);
        _keyValueB = Linear("kv_b_proj");
        _output = Linear("o_proj");
        if (shape.IndexTopK is not null && !shape.SharesSelection[layer])
            _indexer = new ReferenceIndexer(checkpoint, shape, run, $"{name}.indexer");

        ReferenceLinear Linear(string part) =>
            new(checkpoint, $"{name}.{part}", shape.ScalesArePowersOfTwo);
    }

    /// <param name="x">[tokens][hidden], normalised.</param>
    /// <param name="selection">
    /// By token, the positions that it sees; null for all. A layer without an indexer of its own leaves that of the layers
    /// before.
    /// </param>
    /// <returns>[tokens][hidden].</returns>
    public double[][] Forward(double[][] x, ref int[][]? selection)
    {
        int tokens = x.Length;
        double[][] queryLatents = Array.ConvertAll(x, QueryLatent);
        double[][] queries = Array.ConvertAll(queryLatents, q => _run.Round(_query.Apply(q)));
        var keyRopes = new double[tokens][];
        var keyValues = new double[tokens][];
        for (int t = 0; t < tokens; t++)
        {
            double[] keyValue = _run.Round(_keyValueA.Apply(x[t]));
            keyRopes[t] = keyValue[_shape.Latent..];
            Rotate(keyRopes[t], t);
            keyValues[t] = KeysAndValues(keyValue.AsSpan(0, _shape.Latent));
            for (int head = 0; head < _shape.Heads; head++)
                Rotate(Query(queries[t], head)[_shape.Nope..], t);
        }
        if (_indexer is not null)
            selection = _indexer.Select(x, queryLatents);

        var result = new double[tokens][];
        for (int t = 0; t < tokens; t++)
        {
            int[] seen = selection?[t] ?? [.. Enumerable.Range(0, t + 1)];
            double[] attended = Attend(queries[t], seen, keyValues, keyRopes);
            result[t] = _run.Round(_output.Apply(_run.Round(attended)));
        }
        return result;
    }

    /// <summary>What queries are made of: x itself where there is no latent of them.</summary>
    private double[] QueryLatent(double[] x) =>
        _queryA is null
            ? x
            : _run.Round(
                ReferenceMath.RmsNorm(_run.Round(_queryA.Apply(x)), _queryNorm!, _shape.Epsilon)
            );

    /// <returns>[heads][nope, value].</returns>
    private double[] KeysAndValues(ReadOnlySpan<double> latent)
    {
        double[] normed = _run.Round(ReferenceMath.RmsNorm(latent, _keyValueNorm, _shape.Epsilon));
        // The cache of a model with indexers holds latents in FP8.
        if (_shape.IndexTopK is not null)
            normed = Quantization.RoundTrip(normed, _shape.ScalesArePowersOfTwo);
        return _run.Round(
            _run.ExpandsKeys ? _keyValueB.Apply(normed) : _keyValueB.Multiply(normed)
        );
    }

    private void Rotate(Span<double> x, int position)
    {
        ReferenceMath.Rotate(x, _shape.Frequencies, position, interleaved: true);
        foreach (ref double value in x)
            value = _run.Round(value);
    }

    private Span<double> Query(double[] queries, int head)
    {
        int width = _shape.Nope + _shape.RopeDim;
        return queries.AsSpan(head * width, width);
    }

    private double[] Attend(double[] queries, int[] seen, double[][] keyValues, double[][] keyRopes)
    {
        var result = new double[_shape.Heads * _shape.Value];
        var weights = new double[seen.Length];
        for (int head = 0; head < _shape.Heads; head++)
        {
            ReadOnlySpan<double> query = Query(queries, head);
            int key = head * (_shape.Nope + _shape.Value);
            for (int i = 0; i < seen.Length; i++)
            {
                double score =
                    ReferenceMath.Dot(
                        query[.._shape.Nope],
                        keyValues[seen[i]].AsSpan(key, _shape.Nope)
                    ) + ReferenceMath.Dot(query[_shape.Nope..], keyRopes[seen[i]]);
                weights[i] = score * _shape.SoftmaxScale;
            }
            double most = weights.Max();
            double total = 0;
            for (int i = 0; i < seen.Length; i++)
                total += weights[i] = Math.Exp(weights[i] - most);
            Span<double> values = result.AsSpan(head * _shape.Value, _shape.Value);
            for (int i = 0; i < seen.Length; i++)
                ReferenceMath.AddScaled(
                    values,
                    weights[i] / total,
                    keyValues[seen[i]].AsSpan(key + _shape.Nope, _shape.Value)
                );
        }
        return result;
    }
}
