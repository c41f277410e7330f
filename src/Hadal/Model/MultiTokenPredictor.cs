using Hadal.Bindings;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// The MTP layer, which guesses the token after the next: a projection of the next token's embedding and the main model's
/// hidden state, then a decoder layer with caches of its own, then its own norm and head.
/// </summary>
internal sealed unsafe class MultiTokenPredictor
{
    private readonly int _hidden;
    private readonly float _epsilon;
    private readonly DeviceTensor _embedding;
    private readonly DeviceTensor _embeddingNorm;
    private readonly DeviceTensor _hiddenNorm;
    private readonly Weight _projection;
    private readonly DecoderLayer _layer;

    /// <param name="config">The model's shapes.</param>
    /// <param name="weights">Where its weights come from.</param>
    /// <param name="embedding">The main model's, where the layer has none of its own.</param>
    /// <param name="head">The main model's, where the layer has none of its own.</param>
    public MultiTokenPredictor(
        DeepSeekConfig config,
        WeightLoader weights,
        DeviceTensor embedding,
        DeviceTensor head
    )
    {
        // It follows the main model's layers.
        int layer = config.NumHiddenLayers;
        string name = $"model.layers.{layer}";
        _hidden = config.HiddenSize;
        _epsilon = config.RmsNormEps;
        _embedding = weights.MatrixOr($"{name}.embed_tokens.weight", embedding);
        _embeddingNorm = weights.Vector($"{name}.enorm.weight");
        _hiddenNorm = weights.Vector($"{name}.hnorm.weight");
        _projection = weights.Linear($"{name}.eh_proj");
        _layer = new DecoderLayer(config, weights, layer, isFirst: true);
        Norm = weights.Vector($"{name}.shared_head.norm.weight");
        Head = weights.MatrixOr($"{name}.shared_head.head.weight", head);
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
        LinearInput joined = w.Joined;
        DeviceTensor embedding = w.Residual;
        kernels.Embedding(_embedding, nextIds, embedding);
        kernels.Norm(embedding, _embeddingNorm, _epsilon, joined.Plain.Slice(0, _hidden));
        kernels.Norm(w.X, _hiddenNorm, _epsilon, joined.Plain.Slice(_hidden, _hidden));
        kernels.Quantize(joined, _projection.Input, step.ScaleFormat);
        kernels.Linear(joined, _projection, w.Residual);
        _layer.Forward(step);
    }
}
