using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>The feed-forward block of a sparse layer: the experts that the router chooses, and the shared ones.</summary>
internal sealed unsafe class MixtureOfExperts
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

    /// <summary>The forms in which it takes its input; the router's is the plain one.</summary>
    public InputForms Input => InputForms.Plain | ExpertInput | _shared.Input;

    private InputForms ExpertInput => _gate.Input | _up.Input;

    /// <param name="step">The step.</param>
    /// <param name="x">[tokens, hidden], the workspace's.</param>
    /// <param name="y">[tokens, hidden]; may be x's plain form.</param>
    public void Forward(Step step, LinearInput x, DeviceTensor y)
    {
        Kernels kernels = step.Kernels;
        Workspace w = step.Workspace;
        _router.Forward(step);
        kernels.Permute(
            x,
            ExpertInput,
            w.ExpertIds,
            _gate.Count,
            w.ExpertAlignment,
            w.Permuted,
            w.RowOf,
            w.ExpertOfRow
        );
        LinearInput gated = w.ExpertGated;
        kernels.SwiGluGrouped(w.Permuted, _gate, _up, w.ExpertOfRow, gated.Plain, w.ExpertUp);
        kernels.Quantize(gated, _down.Input, step.ScaleFormat);
        kernels.LinearGrouped(gated, _down, w.ExpertOfRow, w.ExpertOutput);
        _shared.Forward(step, x, w.SharedOutput);
        kernels.Combine(w.ExpertOutput, w.RowOf, w.ExpertWeights, w.SharedOutput, y);
    }
}
