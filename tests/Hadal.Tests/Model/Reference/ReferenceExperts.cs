using Hadal.Checkpoints;

namespace Hadal.Tests.Model.Reference;

/// <summary>Sigmoid routing within the best groups, the chosen experts and the shared ones.</summary>
internal sealed class ReferenceExperts(
    Checkpoint checkpoint,
    ReferenceShape shape,
    ReferenceRun run,
    string name
)
{
    private readonly ReferenceLinear _gate = new(checkpoint, $"{name}.gate", false);
    private readonly double[] _bias = ReferenceLinear.Expand(
        checkpoint[$"{name}.gate.e_score_correction_bias"]
    );

    /// <param name="x">[tokens][hidden], normalised.</param>
    /// <returns>[tokens][hidden].</returns>
    public double[][] Forward(double[][] x)
    {
        ReferenceFeedForward shared = Load("shared_experts");
        double[][] result = Array.ConvertAll(x, shared.Forward);
        double[][] weights = Array.ConvertAll(x, Route);
        // An expert's weights are expanded while it is used, as all of them would take hundreds of megabytes.
        for (int e = 0; e < shape.Experts; e++)
        {
            if (Array.TrueForAll(weights, w => w[e] == 0))
                continue;
            ReferenceFeedForward expert = Load($"experts.{e}");
            for (int t = 0; t < x.Length; t++)
            {
                if (weights[t][e] != 0)
                    ReferenceMath.AddScaled(result[t], weights[t][e], expert.Forward(x[t]));
            }
        }
        return Array.ConvertAll(result, run.Round);
    }

    private ReferenceFeedForward Load(string part) => new(checkpoint, shape, run, $"{name}.{part}");

    /// <returns>By expert, its weight; 0 for those not chosen.</returns>
    private double[] Route(double[] x)
    {
        double[] scores = Array.ConvertAll(_gate.Apply(x), static v => 1 / (1 + Math.Exp(-v)));
        int[] chosen = Choose([.. scores.Zip(_bias, static (score, bias) => score + bias)]);
        double sum = shape.NormalisesWeights ? chosen.Sum(e => scores[e]) : 1;
        var weights = new double[shape.Experts];
        foreach (int e in chosen)
            weights[e] = scores[e] / sum * shape.RoutedScale;
        return weights;
    }

    private int[] Choose(double[] biased)
    {
        int perGroup = shape.Experts / shape.Groups;
        if (shape.Groups > 1)
        {
            double[] groups =
            [
                .. biased
                    .Chunk(perGroup)
                    .Select(static group => group.OrderDescending().Take(2).Sum()),
            ];
            int[] kept = ReferenceMath.Largest(groups, shape.TopGroups);
            for (int i = 0; i < biased.Length; i++)
            {
                if (!kept.Contains(i / perGroup))
                    biased[i] = double.NegativeInfinity;
            }
        }
        return ReferenceMath.Largest(biased, shape.ExpertsPerToken);
    }
}
