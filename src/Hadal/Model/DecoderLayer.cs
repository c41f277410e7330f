using Hadal.Bindings;
using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>
/// One layer: attention, then a feed-forward block, each on the normalised residual stream and added to it.
/// </summary>
internal sealed class DecoderLayer
{
    private readonly int _layer;
    private readonly bool _isFirst;
    private readonly float _epsilon;
    private readonly DeviceTensor _inputNorm;
    private readonly LatentAttention _attention;
    private readonly DeviceTensor _postAttentionNorm;
    private readonly FeedForward? _dense;
    private readonly MixtureOfExperts? _experts;

    /// <param name="config">The model's shapes.</param>
    /// <param name="weights">Where its weights come from.</param>
    /// <param name="layer">Its number, that of its caches too.</param>
    /// <param name="isFirst">Whether it begins a residual stream: then there is no output of a block before it.</param>
    public DecoderLayer(DeepSeekConfig config, WeightLoader weights, int layer, bool isFirst)
    {
        string name = $"model.layers.{layer}";
        _layer = layer;
        _isFirst = isFirst;
        _epsilon = config.RmsNormEps;
        _inputNorm = weights.Vector($"{name}.input_layernorm.weight");
        _attention = new LatentAttention(config, weights, layer, $"{name}.self_attn");
        _postAttentionNorm = weights.Vector($"{name}.post_attention_layernorm.weight");
        if (config.IsDense(layer))
            _dense = new FeedForward(weights, $"{name}.mlp");
        else
            _experts = new MixtureOfExperts(config, weights, $"{name}.mlp");
    }

    /// <summary>
    /// Adds x, what the block before left, to the residual stream, runs both blocks, and leaves in x what the next one
    /// adds: a norm takes the sum before it is rounded.
    /// </summary>
    public void Forward(Step step)
    {
        Kernels kernels = step.Kernels;
        Workspace w = step.Workspace;

        LinearInput input = w.Input;
        InputForms wanted = _attention.Input;
        hd_scale_format format = step.ScaleFormat;
        if (_isFirst)
            kernels.Norm(w.Residual, _inputNorm, _epsilon, input, wanted, format);
        else
            kernels.AddNorm(w.X, w.Residual, _inputNorm, _epsilon, input, wanted, format);
        _attention.Forward(step, step.Caches[_layer]);

        wanted = _dense?.Input ?? _experts!.Input;
        kernels.AddNorm(w.X, w.Residual, _postAttentionNorm, _epsilon, input, wanted, format);
        _dense?.Forward(step, input, w.X);
        _experts?.Forward(step, input, w.X);

        step.Trace?.Record(step, _layer, _experts is not null);
    }
}
