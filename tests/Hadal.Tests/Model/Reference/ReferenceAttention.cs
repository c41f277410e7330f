using Hadal.Checkpoints;

namespace Hadal.Tests.Model.Reference;

/// <summary>Multi-head latent attention over a whole sequence, with keys and values expanded from the latents.</summary>
internal sealed class ReferenceAttention
{
    private readonly ReferenceShape _shape;
    private readonly float[] _frequencies;
    private readonly ReferenceLinear? _queryA;
    private readonly double[]? _queryNorm;
    private readonly ReferenceLinear _query;
    private readonly ReferenceLinear _keyValueA;
    private readonly double[] _keyValueNorm;
    private readonly ReferenceLinear _keyValueB;
    private readonly ReferenceLinear _output;
    private readonly ReferenceIndexer? _indexer;

    public ReferenceAttention(Checkpoint checkpoint, ReferenceShape shape, int layer)
    {
        string name = $"model.layers.{layer}.self_attn";
        _shape = shape;
        _frequencies = shape.Frequencies();
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
        if (
            shape.IndexTopK is not null
            && !(shape.SharesSelection is { Length: > 0 } shares && shares[layer])
        )
            _indexer = new ReferenceIndexer(checkpoint, shape, $"{name}.indexer", _frequencies);

        ReferenceLinear Linear(string part) =>
            new(checkpoint, $"{name}.{part}", shape.ScalesArePowersOfTwo);
    }

    /// <param name="x">[tokens][hidden], normalised.</param>
    /// <param name="selection">
    /// By token, the positions that it sees; null for all. A layer without an indexer of its own takes that of the layer
    /// before.
    /// </param>
    /// <returns>[tokens][hidden].</returns>
    public double[][] Forward(double[][] x, ref int[][]? selection)
    {
        int tokens = x.Length;
        double[][] latents = new double[tokens][];
        double[][] keyRopes = new double[tokens][];
        double[][] queries = new double[tokens][];
        double[][] queryLatents = new double[tokens][];
        for (int t = 0; t < tokens; t++)
        {
            double[] keyValue = _keyValueA.Apply(x[t]);
            latents[t] = ReferenceMath.RmsNorm(
                keyValue.AsSpan(0, _shape.Latent),
                _keyValueNorm,
                _shape.Epsilon
            );
            // V3.2's cache holds latents in FP8.
            if (_shape.IndexTopK is not null)
                latents[t] = Quantization.RoundTrip(latents[t], _shape.ScalesArePowersOfTwo);
            keyRopes[t] = keyValue[_shape.Latent..];
            ReferenceMath.Rotate(keyRopes[t], _frequencies, t, interleaved: true);
            queryLatents[t] = _queryA is null
                ? x[t]
                : ReferenceMath.RmsNorm(_queryA.Apply(x[t]), _queryNorm!, _shape.Epsilon);
            queries[t] = _query.Apply(queryLatents[t]);
        }
        if (_indexer is not null)
            selection = _indexer.Select(x, queryLatents);

        (double[][] keys, double[][] values) = ExpandKeysAndValues(latents);
        var result = new double[tokens][];
        for (int t = 0; t < tokens; t++)
        {
            int[] seen = selection?[t] ?? [.. Enumerable.Range(0, t + 1)];
            result[t] = _output.Apply(Attend(queries[t], t, seen, keys, keyRopes, values));
        }
        return result;
    }

    // Without a quantisation of the latent: the absorbed form multiplies by kv_b's own numbers.
    private (double[][] Keys, double[][] Values) ExpandKeysAndValues(double[][] latents)
    {
        int perHead = _shape.Nope + _shape.Value;
        var keys = new double[latents.Length][];
        var values = new double[latents.Length][];
        for (int t = 0; t < latents.Length; t++)
        {
            keys[t] = new double[_shape.Heads * _shape.Nope];
            values[t] = new double[_shape.Heads * _shape.Value];
            for (int row = 0; row < _shape.Heads * perHead; row++)
            {
                double sum = 0;
                for (int i = 0; i < _shape.Latent; i++)
                    sum += _keyValueB.Values[row * _shape.Latent + i] * latents[t][i];
                int head = row / perHead;
                int within = row % perHead;
                if (within < _shape.Nope)
                    keys[t][head * _shape.Nope + within] = sum;
                else
                    values[t][head * _shape.Value + within - _shape.Nope] = sum;
            }
        }
        return (keys, values);
    }

    private double[] Attend(
        double[] query,
        int position,
        int[] seen,
        double[][] keys,
        double[][] keyRopes,
        double[][] values
    )
    {
        var result = new double[_shape.Heads * _shape.Value];
        int width = _shape.Nope + _shape.RopeDim;
        for (int head = 0; head < _shape.Heads; head++)
        {
            ReadOnlySpan<double> nope = query.AsSpan(head * width, _shape.Nope);
            double[] rope = query[(head * width + _shape.Nope)..((head + 1) * width)];
            ReferenceMath.Rotate(rope, _frequencies, position, interleaved: true);
            var weights = new double[seen.Length];
            for (int i = 0; i < seen.Length; i++)
            {
                weights[i] =
                    _shape.SoftmaxScale
                    * (
                        ReferenceMath.Dot(
                            nope,
                            keys[seen[i]].AsSpan(head * _shape.Nope, _shape.Nope)
                        ) + ReferenceMath.Dot(rope, keyRopes[seen[i]])
                    );
            }
            double most = weights.Max();
            double total = 0;
            for (int i = 0; i < seen.Length; i++)
                total += weights[i] = Math.Exp(weights[i] - most);
            for (int i = 0; i < seen.Length; i++)
            {
                for (int d = 0; d < _shape.Value; d++)
                {
                    int at = head * _shape.Value + d;
                    result[at] += weights[i] / total * values[seen[i]][at];
                }
            }
        }
        return result;
    }
}
