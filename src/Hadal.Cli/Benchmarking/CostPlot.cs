using ScottPlot;

namespace Hadal.Cli.Benchmarking;

/// <summary>Draws cost against position: one picture for prefill, one for decode, a curve for each kind of attention.</summary>
internal static class CostPlot
{
    private const int Width = 1000;
    private const int Height = 400;
    private const int Kilo = 1024;

    /// <param name="costs">The measurements.</param>
    /// <param name="subject">What was measured, for the titles.</param>
    /// <param name="path">The PNG file to write.</param>
    public static void Save(IReadOnlyList<CostAtPosition> costs, string subject, string path)
    {
        var plots = new Multiplot();
        plots.AddPlots(2);
        plots.Layout = new ScottPlot.MultiplotLayouts.Columns();
        Draw(plots.GetPlot(0), $"Prefill, {subject}", costs, static c => c.Prefill);
        Draw(plots.GetPlot(1), $"Decode, {subject}", costs, static c => c.Decode);
        plots.SavePng(path, Width, Height);
    }

    private static void Draw(
        Plot plot,
        string title,
        IReadOnlyList<CostAtPosition> costs,
        Func<CostAtPosition, double> seconds
    )
    {
        foreach (IGrouping<string, CostAtPosition> curve in costs.GroupBy(c => c.Attention))
        {
            double[] positions = [.. curve.Select(c => (double)c.Context / Kilo)];
            double[] milliseconds = [.. curve.Select(c => seconds(c) * 1e3)];
            var scatter = plot.Add.Scatter(positions, milliseconds);
            scatter.LegendText = curve.Key;
            scatter.LineWidth = 2;
            scatter.MarkerSize = 7;
        }
        plot.Title(title);
        plot.XLabel("position (K tokens)");
        plot.YLabel("ms a token");
        plot.Axes.AutoScale();
        plot.Axes.SetLimitsX(0, costs.Max(c => (double)c.Context / Kilo) * 1.05 + 0.01);
        plot.Axes.SetLimitsY(0, costs.Max(c => seconds(c)) * 1e3 * 1.1);
        plot.ShowLegend(Alignment.UpperLeft);
    }
}
