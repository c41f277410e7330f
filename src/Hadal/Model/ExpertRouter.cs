using Hadal.Checkpoints;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>Chooses a token's experts: sigmoid scores, of which a bias picks the best within the best groups.</summary>
internal sealed unsafe class ExpertRouter(DeepSeekConfig config, WeightLoader weights, string name)
{
    private readonly DeviceTensor _weight = weights.Matrix($"{name}.weight");
    private readonly DeviceTensor _bias = weights.FloatVector($"{name}.e_score_correction_bias");

    /// <summary>Of the unquantised x, leaves ids and weights in the workspace.</summary>
    public void Forward(Step step)
    {
        Workspace w = step.Workspace;
        step.Kernels.Gemm(w.X, _weight, w.RouterLogits);
        step.Kernels.Route(
            w.RouterLogits,
            _bias.F32,
            config.NGroup,
            config.TopkGroup,
            config.NormTopkProb,
            config.RoutedScalingFactor,
            w.ExpertIds,
            w.ExpertWeights
        );
    }
}
