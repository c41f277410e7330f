using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>The feed-forward block of a sparse layer: the experts that the router chooses, and the shared ones.</summary>
internal sealed unsafe class MixtureOfExperts : IDisposable
{
    private readonly ExpertRouter _router;
    private readonly ExpertWeights _gate;
    private readonly ExpertWeights _up;
    private readonly ExpertWeights _down;
    private readonly FeedForward _shared;

    public MixtureOfExperts(DeepSeekConfig config, WeightLoader weights, string name)
    {
        _router = new ExpertRouter(config, weights, $"{name}.gate");
        _gate = weights.Experts($"{name}.experts", "gate_proj", config.NRoutedExperts);
        _up = weights.Experts($"{name}.experts", "up_proj", config.NRoutedExperts);
        _down = weights.Experts($"{name}.experts", "down_proj", config.NRoutedExperts);
        _shared = new FeedForward(weights, $"{name}.shared_experts");
    }

    /// <param name="step">The step.</param>
    /// <param name="x">The input, quantised; the router takes it unquantised from the workspace.</param>
    /// <param name="y">[tokens, hidden].</param>
    public void Forward(Step step, QuantizedTensor x, DeviceTensor y)
    {
        Kernels kernels = step.Kernels;
        Workspace w = step.Workspace;
        _router.Forward(step);
        kernels.Permute(
            x,
            w.ExpertIds,
            _gate.Count,
            w.ExpertAlignment,
            w.Permuted,
            w.RowOf,
            w.ExpertOfRow
        );
        kernels.SwiGluGrouped(w.Permuted, _gate, _up, w.ExpertOfRow, w.ExpertGated);
        kernels.Quantize(w.ExpertGated, step.ScaleFormat, w.ExpertCodes);
        kernels.Fp8GemmGrouped(w.ExpertCodes, _down, w.ExpertOfRow, w.ExpertOutput);
        _shared.Forward(step, x, w.SharedOutput);
        kernels.Combine(w.ExpertOutput, w.RowOf, w.ExpertWeights, w.SharedOutput, y);
    }

    public void Dispose()
    {
        _gate.Dispose();
        _up.Dispose();
        _down.Dispose();
    }
}
