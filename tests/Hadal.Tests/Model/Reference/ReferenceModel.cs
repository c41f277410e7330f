using Hadal.Checkpoints;

namespace Hadal.Tests.Model.Reference;

/// <summary>
/// The whole model in double precision, a sequence at a time and without a cache: written from the reports and from
/// DeepSeek's published inference code, and sharing nothing with the library but its reading of safetensors files.
/// </summary>
internal sealed class ReferenceModel
{
    private readonly ReferenceShape _shape;
    private readonly double[] _embedding;
    private readonly Layer[] _layers;
    private readonly double[] _norm;
    private readonly ReferenceLinear _head;

    public ReferenceModel(Checkpoint checkpoint)
    {
        _shape = new ReferenceShape(
            File.ReadAllBytes(Path.Combine(checkpoint.Folder, "config.json"))
        );
        _embedding = ReferenceLinear.Expand(checkpoint["model.embed_tokens.weight"]);
        _layers =
        [
            .. Enumerable.Range(0, _shape.Layers).Select(i => new Layer(checkpoint, _shape, i)),
        ];
        _norm = ReferenceLinear.Expand(checkpoint["model.norm.weight"]);
        _head = new ReferenceLinear(
            checkpoint,
            _shape.TiesEmbeddings ? "model.embed_tokens" : "lm_head",
            false
        );
    }

    /// <returns>[tokens][vocabulary].</returns>
    public double[][] Logits(ReadOnlySpan<int> ids)
    {
        var stream = new double[ids.Length][];
        for (int t = 0; t < ids.Length; t++)
            stream[t] = _embedding.AsSpan(ids[t] * _shape.Hidden, _shape.Hidden).ToArray();
        int[][]? selection = null;
        foreach (Layer layer in _layers)
            layer.Forward(stream, ref selection);
        return
        [
            .. stream.Select(x => _head.Apply(ReferenceMath.RmsNorm(x, _norm, _shape.Epsilon))),
        ];
    }

    private sealed class Layer
    {
        private readonly ReferenceShape _shape;
        private readonly double[] _inputNorm;
        private readonly double[] _postNorm;
        private readonly ReferenceAttention _attention;
        private readonly ReferenceFeedForward? _dense;
        private readonly ReferenceExperts? _experts;

        public Layer(Checkpoint checkpoint, ReferenceShape shape, int layer)
        {
            string name = $"model.layers.{layer}";
            _shape = shape;
            _inputNorm = ReferenceLinear.Expand(checkpoint[$"{name}.input_layernorm.weight"]);
            _postNorm = ReferenceLinear.Expand(
                checkpoint[$"{name}.post_attention_layernorm.weight"]
            );
            _attention = new ReferenceAttention(checkpoint, shape, layer);
            if (layer < shape.DenseLayers)
                _dense = new ReferenceFeedForward(
                    checkpoint,
                    $"{name}.mlp",
                    shape.ScalesArePowersOfTwo
                );
            else
                _experts = new ReferenceExperts(checkpoint, shape, $"{name}.mlp");
        }

        public void Forward(double[][] stream, ref int[][]? selection)
        {
            double[][] normed =
            [
                .. stream.Select(x => ReferenceMath.RmsNorm(x, _inputNorm, _shape.Epsilon)),
            ];
            Add(stream, _attention.Forward(normed, ref selection));
            foreach (double[] x in stream)
            {
                double[] input = ReferenceMath.RmsNorm(x, _postNorm, _shape.Epsilon);
                Add([x], [_dense?.Forward(input) ?? _experts!.Forward(input)]);
            }
        }

        private static void Add(double[][] stream, double[][] block)
        {
            for (int t = 0; t < stream.Length; t++)
            {
                for (int i = 0; i < stream[t].Length; i++)
                    stream[t][i] += block[t][i];
            }
        }
    }
}
