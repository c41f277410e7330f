namespace Hadal.Bindings;

/// <summary>Memory of the host or device ran out; nothing was changed.</summary>
public sealed class NativeOutOfDeviceMemoryException : NativeException
{
    /// <summary>Makes one from the library's text.</summary>
    public NativeOutOfDeviceMemoryException(string message)
        : base(hd_status.HD_STATUS_OUT_OF_MEMORY, message) { }
}
