namespace Hadal.Bindings;

/// <summary>An argument of a native call was wrong; the message names it.</summary>
public sealed class NativeInvalidArgumentException : NativeException
{
    /// <summary>Makes one from the library's text.</summary>
    public NativeInvalidArgumentException(string message)
        : base(hd_status.HD_STATUS_INVALID_ARGUMENT, message) { }
}
