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
        DeviceTensor gate = step.Workspace.Gate(_gate.Rows);
        DeviceTensor up = step.Workspace.Up(_up.Rows);
        QuantizedTensor codes = step.Workspace.GateCodes(_gate.Rows);
        kernels.Fp8Gemm(x, _gate, gate);
        kernels.Fp8Gemm(x, _up, up);
        kernels.SiluMul(gate, up, gate);
        kernels.Quantize(gate, step.ScaleFormat, codes);
        kernels.Fp8Gemm(codes, _down, y);
    }
}
