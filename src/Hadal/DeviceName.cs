using System.Globalization;

namespace Hadal;

/// <summary>A device as command lines and settings name it: <c>cpu</c>, <c>cuda</c>, <c>cuda:1</c>, <c>external</c>, <c>external:1</c>.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Ordinal">Which of its kind, from 0.</param>
internal readonly record struct DeviceName(DeviceKind Kind, int Ordinal)
{
    /// <summary>What a name must be, for errors.</summary>
    public const string Rule = "must be cpu, cuda, cuda:N, external or external:N";

    /// <summary>Reads a name; false where it is none.</summary>
    public static bool TryParse(string text, out DeviceName name)
    {
        string[] parts = text.Split(':', 2);
        int ordinal = 0;
        DeviceKind? kind = parts[0] switch
        {
            "cpu" when parts.Length == 1 => DeviceKind.Cpu,
            "cuda" => DeviceKind.Cuda,
            "external" => DeviceKind.External,
            _ => null,
        };
        bool isName =
            kind is not null
            && (
                parts.Length == 1
                || int.TryParse(
                    parts[1],
                    NumberStyles.None,
                    CultureInfo.InvariantCulture,
                    out ordinal
                )
            );
        name = isName ? new DeviceName(kind!.Value, ordinal) : default;
        return isName;
    }

    /// <summary>Opens the device.</summary>
    /// <param name="threads">Threads that compute on the CPU; other devices have none.</param>
    /// <exception cref="HadalException">It can't be had.</exception>
    public Device Open(int threads) =>
        Kind switch
        {
            DeviceKind.Cuda => Device.Cuda(Ordinal),
            DeviceKind.External => Device.External(Ordinal),
            _ => Device.Cpu(threads),
        };
}
