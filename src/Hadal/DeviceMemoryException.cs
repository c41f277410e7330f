using static System.FormattableString;

namespace Hadal;

/// <summary>A device, or the host, has less free memory than a model takes. No weight was brought there.</summary>
public sealed class DeviceMemoryException : HadalException
{
    internal DeviceMemoryException(string message, long neededBytes, long freeBytes)
        : base(message)
    {
        NeededBytes = neededBytes;
        FreeBytes = freeBytes;
    }

    /// <summary>
    /// What the model takes, with a cache of one sequence of the longest context; of weights read into the host's memory,
    /// their files' size. It leaves out what a CUDA driver takes
    /// for itself as a model runs: kernels as they are loaded, and recorded steps.
    /// </summary>
    public long NeededBytes { get; }

    /// <summary>What the device had free.</summary>
    public long FreeBytes { get; }

    internal static string Megabytes(long bytes) => Invariant($"{bytes / 1e6:N1} MB");
}
