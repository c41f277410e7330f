using Hadal.Bindings;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// The MTP layer, which guesses the token after the next: a projection of the next token's embedding and the main model's
/// hidden state, then a decoder layer with caches of its own, then its own norm and head.
/// </summary>
internal sealed unsafe class MultiTokenPredictor : IDisposable
{
    private readonly int _hidden;
    private readonly float _epsilon;
    private readonly DeviceTensor _embedding;
    private readonly DeviceTensor _embeddingNorm;
    private readonly DeviceTensor _hiddenNorm;
    private readonly Fp8Weight? _projection;
    private readonly DeviceTensor _denseProjection;
    private readonly DecoderLayer _layer;

    public MultiTokenPredictor(DeepSeekConfig config, WeightLoader weights)
    {
        // It follows the main model's layers.
        int layer = config.NumHiddenLayers;
        string name = $"model.layers.{layer}";
        _hidden = config.HiddenSize;
        _epsilon = config.RmsNormEps;
        _embedding = weights.Matrix($"{name}.embed_tokens.weight");
        _embeddingNorm = weights.Vector($"{name}.enorm.weight");
        _hiddenNorm = weights.Vector($"{name}.hnorm.weight");
        if (weights.IsFp8($"{name}.eh_proj"))
            _projection = weights.Fp8($"{name}.eh_proj");
        else
            _denseProjection = weights.Matrix($"{name}.eh_proj.weight");
        _layer = new DecoderLayer(config, weights, layer, isFirst: true);
        Norm = weights.Vector($"{name}.shared_head.norm.weight");
        Head = weights.Matrix($"{name}.shared_head.head.weight");
    }

    /// <summary>The norm before the head.</summary>
    public DeviceTensor Norm { get; }

    /// <summary>The head, [vocabulary, hidden].</summary>
    public DeviceTensor Head { get; }

    /// <summary>
    /// Takes h, the main model's hidden states after its final norm, from x, and leaves x and the residual stream as a
    /// decoder layer does.
    /// </summary>
    /// <param name="step">The main model's step.</param>
    /// <param name="nextIds">i32 [tokens] on the device: the token that follows each token of the step.</param>
    public void Forward(Step step, int* nextIds)
    {
        Kernels kernels = step.Kernels;
        Workspace w = step.Workspace;
        DeviceTensor joined = w.Joined;
        DeviceTensor embedding = w.Residual;
        kernels.Embedding(_embedding, nextIds, embedding);
        kernels.Norm(embedding, _embeddingNorm, _epsilon, joined.Slice(0, _hidden));
        kernels.Norm(w.X, _hiddenNorm, _epsilon, joined.Slice(_hidden, _hidden));
        if (_projection is { } projection)
        {
            QuantizedTensor codes = w.JoinedCodes;
            kernels.Quantize(joined, step.ScaleFormat, codes);
            kernels.Fp8Gemm(codes, projection, w.Residual);
        }
        else
        {
            kernels.Gemm(joined, _denseProjection, w.Residual);
        }
        _layer.Forward(step);
    }

    public void Dispose() => _layer.Dispose();
}
