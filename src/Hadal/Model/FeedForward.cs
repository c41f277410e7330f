using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>down(SiLU(gate(x)) · up(x)): the feed-forward block of a dense layer, and the shared experts of the others.</summary>
internal sealed class FeedForward(WeightLoader weights, string name)
{
    private readonly Fp8Weight _gate = weights.Fp8($"{name}.gate_proj");
    private readonly Fp8Weight _up = weights.Fp8($"{name}.up_proj");
    private readonly Fp8Weight _down = weights.Fp8($"{name}.down_proj");

    /// <param name="step">The step.</param>
    /// <param name="x">The input, quantised.</param>
    /// <param name="y">[tokens, hidden].</param>
    public void Forward(Step step, QuantizedTensor x, DeviceTensor y)
    {
        Kernels kernels = step.Kernels;
        DeviceTensor gated = step.Workspace.Gated(_gate.Rows);
        QuantizedTensor codes = step.Workspace.GatedCodes(_gate.Rows);
        kernels.SwiGlu(x, _gate, _up, gated);
        kernels.Quantize(gated, step.ScaleFormat, codes);
        kernels.Fp8Gemm(codes, _down, y);
    }
}
