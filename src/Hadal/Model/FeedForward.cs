using Hadal.Bindings;
using Hadal.Tensors;

namespace Hadal.Model;

/// <summary>down(SiLU(gate(x)) · up(x)): the feed-forward block of a dense layer, and the shared experts of the others.</summary>
internal sealed class FeedForward(WeightLoader weights, string name)
{
    private const int Group = NativeMethods.HD_SCALE_BLOCK;

    private readonly Weight _gate = weights.Linear($"{name}.gate_proj", Group);
    private readonly Weight _up = weights.Linear($"{name}.up_proj", Group);
    private readonly Weight _down = weights.Linear($"{name}.down_proj", Group);

    /// <summary>The forms in which it takes its input.</summary>
    public InputForms Input => _gate.Input | _up.Input;

    /// <param name="step">The step.</param>
    /// <param name="x">[tokens, hidden].</param>
    /// <param name="y">[tokens, hidden].</param>
    public void Forward(Step step, LinearInput x, DeviceTensor y)
    {
        Kernels kernels = step.Kernels;
        LinearInput gated = step.Workspace.Gated(_gate.Rows);
        kernels.SwiGlu(x, _gate, _up, gated.Plain, step.Workspace.Up(_gate.Rows));
        kernels.Quantize(gated, _down.Input, step.ScaleFormat);
        kernels.Linear(gated, _down, y);
    }
}
