using System.Globalization;
using System.Text;

namespace Hadal.Server.Metrics;

/// <summary>A histogram of seconds, as Prometheus has it. Thread-safe.</summary>
/// <param name="name">Its name.</param>
internal sealed class Histogram(string name)
{
    private static readonly double[] s_bounds =
    [
        0.001,
        0.005,
        0.01,
        0.02,
        0.04,
        0.06,
        0.08,
        0.1,
        0.25,
        0.5,
        0.75,
        1,
        2.5,
        5,
        7.5,
        10,
        20,
        40,
        80,
        160,
        640,
        2560,
    ];

    private readonly Lock _lock = new();
    private readonly long[] _counts = new long[s_bounds.Length + 1];
    private double _sum;

    public string Name => name;

    public void Add(double seconds)
    {
        int bucket = Array.FindIndex(s_bounds, bound => seconds <= bound);
        lock (_lock)
        {
            _counts[bucket < 0 ? s_bounds.Length : bucket]++;
            _sum += seconds;
        }
    }

    /// <param name="text">Where to.</param>
    /// <param name="labels">The labels, without braces.</param>
    public void Write(StringBuilder text, string labels)
    {
        long[] counts;
        double sum;
        lock (_lock)
        {
            counts = [.. _counts];
            sum = _sum;
        }
        CultureInfo invariant = CultureInfo.InvariantCulture;
        text.Append(invariant, $"# TYPE {name} histogram\n");
        long count = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            count += counts[i];
            string bound = i < s_bounds.Length ? s_bounds[i].ToString(invariant) : "+Inf";
            text.Append(invariant, $"{name}_bucket{{{labels},le=\"{bound}\"}} {count}\n");
        }
        text.Append(invariant, $"{name}_sum{{{labels}}} {sum}\n");
        text.Append(invariant, $"{name}_count{{{labels}}} {count}\n");
    }
}
