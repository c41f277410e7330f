namespace Hadal;

/// <summary>Kinds of device.</summary>
public enum DeviceKind
{
    /// <summary>The host's processor; always there.</summary>
    Cpu,

    /// <summary>An NVIDIA GPU.</summary>
    Cuda,

    /// <summary>Another accelerator, served by the backend that the environment variable <c>HADAL_BACKEND</c> names.</summary>
    External,
}
