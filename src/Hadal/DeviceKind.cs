namespace Hadal;

/// <summary>Kinds of device.</summary>
public enum DeviceKind
{
    /// <summary>The host's processor; always there.</summary>
    Cpu,

    /// <summary>An NVIDIA GPU.</summary>
    Cuda,
}
