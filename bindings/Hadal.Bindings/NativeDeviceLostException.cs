namespace Hadal.Bindings;

/// <summary>The device reported an error that it does not recover from; dispose its objects.</summary>
public sealed class NativeDeviceLostException : NativeException
{
    /// <summary>Makes one from the library's text.</summary>
    public NativeDeviceLostException(string message)
        : base(hd_status.HD_STATUS_DEVICE_LOST, message) { }
}
