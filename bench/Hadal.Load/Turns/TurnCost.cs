namespace Hadal.Load.Turns;

/// <summary>What clients at the same time got in one turn.</summary>
/// <param name="TokensPerSecond">Generated tokens of all clients.</param>
/// <param name="FirstToken">Median time to the first token, in ms.</param>
/// <param name="SlowestFirst">The 99th percentile of it.</param>
/// <param name="Between">Median time between two tokens, in ms.</param>
/// <param name="SlowestBetween">The 99th percentile of it.</param>
/// <param name="Processor">Milliseconds of processor time a generated token; what a busy machine changes little.</param>
/// <param name="Generator">Processor time of the generator, as a part of one processor; NaN for none.</param>
internal sealed record TurnCost(
    double TokensPerSecond,
    double FirstToken,
    double SlowestFirst,
    double Between,
    double SlowestBetween,
    double Processor,
    double Generator
)
{
    /// <summary>The median of each figure.</summary>
    public static TurnCost Median(IReadOnlyList<TurnCost> costs)
    {
        return new TurnCost(
            Of(c => c.TokensPerSecond),
            Of(c => c.FirstToken),
            Of(c => c.SlowestFirst),
            Of(c => c.Between),
            Of(c => c.SlowestBetween),
            Of(c => c.Processor),
            Of(c => c.Generator)
        );

        double Of(Func<TurnCost, double> figure)
        {
            double[] sorted = [.. costs.Select(figure).Order()];
            return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
        }
    }
}
