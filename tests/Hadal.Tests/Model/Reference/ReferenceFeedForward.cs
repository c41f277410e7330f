using Hadal.Checkpoints;

namespace Hadal.Tests.Model.Reference;

/// <summary>
/// down(SiLU(gate(x)) · up(x)). In FP8 the two products and the gating are one operation, which rounds once; in BF16 each
/// rounds what it gives.
/// </summary>
internal sealed class ReferenceFeedForward
{
    private readonly ReferenceRun _run;
    private readonly ReferenceLinear _gate;
    private readonly ReferenceLinear _up;
    private readonly ReferenceLinear _down;

    public ReferenceFeedForward(
        Checkpoint checkpoint,
        ReferenceShape shape,
        ReferenceRun run,
        string name
    )
    {
        _run = run;
        _gate = Linear("gate_proj");
        _up = Linear("up_proj");
        _down = Linear("down_proj");

        ReferenceLinear Linear(string part) =>
            new(checkpoint, $"{name}.{part}", shape.ScalesArePowersOfTwo);
    }

    public double[] Forward(double[] x)
    {
        double[] gate = _gate.Apply(x);
        double[] up = _up.Apply(x);
        if (!_gate.IsFp8)
        {
            _run.Round(gate);
            _run.Round(up);
        }
        for (int i = 0; i < gate.Length; i++)
            gate[i] = gate[i] / (1 + Math.Exp(-gate[i])) * up[i];
        return _run.Round(_down.Apply(_run.Round(gate)));
    }
}
