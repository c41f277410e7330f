namespace Hadal.Bindings;

/// <summary>This device, processor or build cannot do what was asked.</summary>
public sealed class NativeUnsupportedException : NativeException
{
    /// <summary>Makes one from the library's text.</summary>
    public NativeUnsupportedException(string message)
        : base(hd_status.HD_STATUS_UNSUPPORTED, message) { }
}
