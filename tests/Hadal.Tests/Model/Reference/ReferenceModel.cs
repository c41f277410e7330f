using Hadal.Checkpoints;

namespace Hadal.Tests.Model.Reference;

/// <summary>
/// The whole model in double precision, a sequence at a time and without a cache: written from the reports and from
/// DeepSeek's published inference code, and sharing nothing with the library but its reading of safetensors files.
/// </summary>
internal sealed class ReferenceModel
{
    private readonly ReferenceShape _shape;
    private readonly ReferenceRun _run;
    private readonly double[] _embedding;
    private readonly Layer[] _layers;
    private readonly double[] _norm;
    private readonly ReferenceLinear _head;

    /// <param name="checkpoint">The weights; it must stay open.</param>
    /// <param name="run">What is rounded.</param>
    public ReferenceModel(Checkpoint checkpoint, ReferenceRun run)
    {
        _shape = new ReferenceShape(
            File.ReadAllBytes(Path.Combine(checkpoint.Folder, "config.json"))
        );
        _run = run;
        _embedding = ReferenceLinear.Expand(checkpoint["model.embed_tokens.weight"]);
        _layers =
        [
            .. Enumerable
                .Range(0, _shape.Layers)
                .Select(i => new Layer(checkpoint, _shape, run, i)),
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
        var block = new double[ids.Length][];
        for (int t = 0; t < ids.Length; t++)
        {
            stream[t] = _embedding.AsSpan(ids[t] * _shape.Hidden, _shape.Hidden).ToArray();
            block[t] = new double[_shape.Hidden];
        }
        int[][]? selection = null;
        foreach (Layer layer in _layers)
            block = layer.Forward(stream, block, ref selection);
        return Array.ConvertAll(AddNorm(stream, block, _norm, _shape, _run), _head.Apply);
    }

    /// <summary>Adds a block's output to the residual stream; a norm takes the sum before it is rounded.</summary>
    private static double[][] AddNorm(
        double[][] stream,
        double[][] block,
        double[] norm,
        ReferenceShape shape,
        ReferenceRun run
    )
    {
        var result = new double[stream.Length][];
        for (int t = 0; t < stream.Length; t++)
        {
            ReferenceMath.AddScaled(stream[t], 1, block[t]);
            result[t] = run.Round(ReferenceMath.RmsNorm(stream[t], norm, shape.Epsilon));
            run.Round(stream[t]);
        }
        return result;
    }

    private sealed class Layer
    {
        private readonly ReferenceShape _shape;
        private readonly ReferenceRun _run;
        private readonly double[] _inputNorm;
        private readonly double[] _postNorm;
        private readonly ReferenceAttention _attention;
        private readonly ReferenceFeedForward? _dense;
        private readonly ReferenceExperts? _experts;

        public Layer(Checkpoint checkpoint, ReferenceShape shape, ReferenceRun run, int layer)
        {
            string name = $"model.layers.{layer}";
            _shape = shape;
            _run = run;
            _inputNorm = ReferenceLinear.Expand(checkpoint[$"{name}.input_layernorm.weight"]);
            _postNorm = ReferenceLinear.Expand(
                checkpoint[$"{name}.post_attention_layernorm.weight"]
            );
            _attention = new ReferenceAttention(checkpoint, shape, run, layer);
            if (layer < shape.DenseLayers)
                _dense = new ReferenceFeedForward(checkpoint, shape, run, $"{name}.mlp");
            else
                _experts = new ReferenceExperts(checkpoint, shape, run, $"{name}.mlp");
        }

        /// <returns>What is to be added to the stream next.</returns>
        public double[][] Forward(double[][] stream, double[][] block, ref int[][]? selection)
        {
            double[][] x = AddNorm(stream, block, _inputNorm, _shape, _run);
            double[][] attended = _attention.Forward(x, ref selection);
            x = AddNorm(stream, attended, _postNorm, _shape, _run);
            return _dense is null ? _experts!.Forward(x) : Array.ConvertAll(x, _dense.Forward);
        }
    }
}
