namespace Hadal.Bindings;

/// <summary>A native call failed; the message is the library's own text.</summary>
public class NativeException : HadalException
{
    /// <summary>Makes one from a status and the library's text.</summary>
    public NativeException(hd_status status, string message)
        : base(message) => Status = status;

    /// <summary>The status that the call returned.</summary>
    public hd_status Status { get; }
}
