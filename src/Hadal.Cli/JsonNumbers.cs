using System.Text.Json;

namespace Hadal.Cli;

/// <summary>Numbers in JSON.</summary>
internal static class JsonNumbers
{
    /// <summary>Writes a number, or <c>null</c> for what JSON has no number for: NaN and the infinities.</summary>
    public static void WriteFinite(this Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumber(name, value);
        else
            json.WriteNull(name);
    }
}
