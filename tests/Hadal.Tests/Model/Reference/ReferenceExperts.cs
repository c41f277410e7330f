using Hadal.Checkpoints;

namespace Hadal.Tests.Model.Reference;

/// <summary>Sigmoid routing within the best groups, the chosen experts and the shared ones.</summary>
internal sealed class ReferenceExperts
{
    private readonly ReferenceShape _shape;
    private readonly ReferenceLinear _gate;
    private readonly double[] _bias;
    private readonly ReferenceFeedForward[] _experts;
    private readonly ReferenceFeedForward _shared;

    public ReferenceExperts(Checkpoint checkpoint, ReferenceShape shape, string name)
    {
        bool powers = shape.ScalesArePowersOfTwo;
        _shape = shape;
        _gate = new ReferenceLinear(checkpoint, $"{name}.gate", powers);
        _bias = ReferenceLinear.Expand(checkpoint[$"{name}.gate.e_score_correction_bias"]);
        _experts =
        [
            .. Enumerable
                .Range(0, shape.Experts)
                .Select(e => new ReferenceFeedForward(checkpoint, $"{name}.experts.{e}", powers)),
        ];
        _shared = new ReferenceFeedForward(checkpoint, $"{name}.shared_experts", powers);
    }

    public double[] Forward(double[] x)
    {
        double[] scores = [.. _gate.Apply(x).Select(static v => 1 / (1 + Math.Exp(-v)))];
        int[] chosen = Choose([.. scores.Zip(_bias, static (score, bias) => score + bias)]);
        double sum = _shape.NormalisesWeights ? chosen.Sum(e => scores[e]) : 1;
        double[] result = _shared.Forward(x);
        foreach (int expert in chosen)
        {
            double[] output = _experts[expert].Forward(x);
            for (int i = 0; i < result.Length; i++)
                result[i] += scores[expert] / sum * _shape.RoutedScale * output[i];
        }
        return result;
    }

    private int[] Choose(double[] biased)
    {
        int perGroup = _shape.Experts / _shape.Groups;
        if (_shape.Groups > 1)
        {
            double[] groups =
            [
                .. biased
                    .Chunk(perGroup)
                    .Select(static group => group.OrderDescending().Take(2).Sum()),
            ];
            int[] kept = ReferenceMath.Largest(groups, _shape.TopGroups);
            for (int i = 0; i < biased.Length; i++)
            {
                if (!kept.Contains(i / perGroup))
                    biased[i] = double.NegativeInfinity;
            }
        }
        return ReferenceMath.Largest(biased, _shape.ExpertsPerToken);
    }
}
