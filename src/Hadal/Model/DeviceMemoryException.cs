using Hadal.Checkpoints;
using static System.FormattableString;

namespace Hadal.Model;

/// <summary>A device, or the host, has less free memory than a model takes. No weight was brought there.</summary>
public sealed class DeviceMemoryException : HadalException
{
    private DeviceMemoryException(string message, long neededBytes, long freeBytes)
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

    /// <param name="folder">What is read into the host's memory.</param>
    /// <param name="bytes">Its size.</param>
    internal static void ThrowIfShort(string folder, long bytes)
    {
        using Device host = Device.Cpu(threads: 1);
        long free = host.FreeMemoryBytes;
        if (bytes > free)
            throw new DeviceMemoryException(
                $"{folder}: its weights take {Megabytes(bytes)}, but the host has {Megabytes(free)} of memory free; "
                    + $"open it with {nameof(WeightMapping)}.{nameof(WeightMapping.Mapped)}",
                bytes,
                free
            );
    }

    private static string Megabytes(long bytes) => Invariant($"{bytes / 1e6:N1} MB");
}
