namespace Hadal.Cli.Measuring;

/// <summary>The loss over windows of one size with one kind of attention.</summary>
/// <param name="Window">Tokens of a window.</param>
/// <param name="Count">Windows.</param>
/// <param name="Attention">Which tokens are attended to: "sparse" or "dense".</param>
/// <param name="Loss">The mean of −ln p; NaN where there is none.</param>
internal sealed record Measurement(int Window, int Count, string Attention, double Loss)
{
    public double Perplexity => Math.Exp(Loss);
}
