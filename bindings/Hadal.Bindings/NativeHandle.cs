using System.Runtime.InteropServices;

namespace Hadal.Bindings;

/// <summary>
/// Owns one object of the library. Thread-safe, and every order of disposal is safe: natively a child keeps its parent,
/// and a call under way keeps what it was given, so that the last of them gives the object back.
/// </summary>
/// <typeparam name="T">The opaque struct of hadal.h.</typeparam>
public abstract unsafe class NativeHandle<T> : SafeHandle
    where T : unmanaged
{
    private volatile bool _disposed;

    private protected NativeHandle(T* native)
        : base(0, ownsHandle: true) => SetHandle((nint)native);

    /// <inheritdoc />
    public sealed override bool IsInvalid => handle == 0;

    /// <summary>Lends the pointer for a call: the object lives until the lease is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The handle was disposed.</exception>
    public NativeLease<T> Lease()
    {
        ThrowIfDisposed();
        return new(this);
    }

    /// <inheritdoc />
    protected sealed override void Dispose(bool disposing)
    {
        _disposed = true;
        base.Dispose(disposing);
    }

    /// <inheritdoc />
    protected sealed override bool ReleaseHandle() =>
        Release((T*)handle) == (int)hd_status.HD_STATUS_OK;

    /// <summary>IsClosed of the base class is false while a call is under way.</summary>
    private protected void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    private protected abstract int Release(T* native);
}
