using static System.FormattableString;

namespace Hadal.Model;

/// <summary>A device has less free memory than a model takes. Nothing was uploaded.</summary>
public sealed class DeviceMemoryException : HadalException
{
    private DeviceMemoryException(string message, long neededBytes, long freeBytes)
        : base(message)
    {
        NeededBytes = neededBytes;
        FreeBytes = freeBytes;
    }

    /// <summary>
    /// What the model takes, with a cache of one sequence of the longest context. It leaves out what a CUDA driver takes
    /// for itself as a model runs: kernels as they are loaded, and recorded steps.
    /// </summary>
    public long NeededBytes { get; }

    /// <summary>What the device had free.</summary>
    public long FreeBytes { get; }

    /// <param name="device">Where it must fit.</param>
    /// <param name="weights">Bytes of the weights.</param>
    /// <param name="expanded">Bytes of kv_b expanded for the absorbed form.</param>
    /// <param name="cache">Bytes of a cache of one sequence.</param>
    /// <param name="cacheTokens">Tokens of that sequence.</param>
    /// <param name="workspace">Bytes of everything else.</param>
    /// <param name="stepTokens">The most tokens of a step, with which it grows.</param>
    internal static void ThrowIfShort(
        Device device,
        long weights,
        long expanded,
        long cache,
        int cacheTokens,
        long workspace,
        int stepTokens
    )
    {
        long needed = weights + expanded + cache + workspace;
        long free = device.FreeMemoryBytes;
        if (needed > free)
            throw new DeviceMemoryException(
                $"{device} has {Megabytes(free)} of memory free, but the model takes {Megabytes(needed)}: "
                    + $"weights {Megabytes(weights)}, kv_b expanded {Megabytes(expanded)}, "
                    + $"a cache of {cacheTokens} tokens {Megabytes(cache)}, "
                    + $"workspace for steps of {stepTokens} tokens {Megabytes(workspace)}; "
                    + $"lower {nameof(ModelOptions.MaxContextTokens)} or {nameof(ModelOptions.MaxStepTokens)}, or take a larger device",
                needed,
                free
            );
    }

    private static string Megabytes(long bytes) => Invariant($"{bytes / 1e6:N1} MB");
}
