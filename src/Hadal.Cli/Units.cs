using System.Globalization;

namespace Hadal.Cli;

/// <summary>Numbers as a person reads them.</summary>
internal static class Units
{
    /// <summary>Bytes in decimal units, as files and cards are sold: <c>690.1 GB</c>.</summary>
    public static string Bytes(double bytes) => Scale(bytes, "B");

    /// <summary>A count: <c>671.0 B</c> is 671 thousand million.</summary>
    public static string Count(double count) =>
        count switch
        {
            >= 1e9 => Format(count / 1e9, " B"),
            >= 1e6 => Format(count / 1e6, " M"),
            >= 1e3 => Format(count / 1e3, " K"),
            _ => Format(count, ""),
        };

    private static string Scale(double value, string unit) =>
        value switch
        {
            >= 1e12 => Format(value / 1e12, $" T{unit}"),
            >= 1e9 => Format(value / 1e9, $" G{unit}"),
            >= 1e6 => Format(value / 1e6, $" M{unit}"),
            >= 1e3 => Format(value / 1e3, $" K{unit}"),
            _ => Format(value, $" {unit}"),
        };

    private static string Format(double value, string unit) =>
        value.ToString(
            value == Math.Floor(value) && value < 1000 ? "0" : "0.0",
            CultureInfo.InvariantCulture
        ) + unit;
}
