using System.Runtime.CompilerServices;
using System.Text;

namespace Hadal.Bindings;

/// <summary>Turns a native status into an exception: the one table of them.</summary>
public static unsafe class NativeStatus
{
    /// <summary>Throws what a status stands for, unless it is HD_STATUS_OK.</summary>
    /// <param name="status">What a native call on this thread returned.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ThrowIfFailed(int status)
    {
        if (status != (int)hd_status.HD_STATUS_OK)
        {
            Throw((hd_status)status);
        }
    }

    private static void Throw(hd_status status)
    {
        var message = LastError();
        throw status switch
        {
            hd_status.HD_STATUS_INVALID_ARGUMENT => new NativeInvalidArgumentException(message),
            hd_status.HD_STATUS_UNSUPPORTED => new NativeUnsupportedException(message),
            hd_status.HD_STATUS_OUT_OF_MEMORY => new NativeOutOfDeviceMemoryException(message),
            hd_status.HD_STATUS_DEVICE_LOST => new NativeDeviceLostException(message),
            hd_status.HD_STATUS_CANCELLED => new OperationCanceledException(message),
            _ => new NativeException(status, message),
        };
    }

    private static string LastError()
    {
        ulong length = 0;
        _ = NativeMethods.hd_last_error(null, 0, &length);
        var buffer = new byte[length + 1];
        fixed (byte* start = buffer)
        {
            _ = NativeMethods.hd_last_error(start, (ulong)buffer.Length, null);
        }
        return Encoding.UTF8.GetString(buffer, 0, (int)length);
    }
}
