using Hadal.Checkpoints;

namespace Hadal.Tests.Model.Reference;

/// <summary>down(SiLU(gate(x)) · up(x)).</summary>
internal sealed class ReferenceFeedForward(
    Checkpoint checkpoint,
    string name,
    bool scalesArePowersOfTwo
)
{
    private readonly ReferenceLinear _gate = new(
        checkpoint,
        $"{name}.gate_proj",
        scalesArePowersOfTwo
    );
    private readonly ReferenceLinear _up = new(checkpoint, $"{name}.up_proj", scalesArePowersOfTwo);
    private readonly ReferenceLinear _down = new(
        checkpoint,
        $"{name}.down_proj",
        scalesArePowersOfTwo
    );

    public double[] Forward(double[] x)
    {
        double[] gate = _gate.Apply(x);
        double[] up = _up.Apply(x);
        for (int i = 0; i < gate.Length; i++)
            gate[i] = gate[i] / (1 + Math.Exp(-gate[i])) * up[i];
        return _down.Apply(gate);
    }
}
