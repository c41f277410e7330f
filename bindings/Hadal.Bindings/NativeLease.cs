namespace Hadal.Bindings;

/// <summary>A native pointer on loan from its handle; dispose it, once, when the call has returned.</summary>
/// <typeparam name="T">The opaque struct of hadal.h.</typeparam>
public readonly unsafe ref struct NativeLease<T>
    where T : unmanaged
{
    private readonly NativeHandle<T> _handle;

    internal NativeLease(NativeHandle<T> handle)
    {
        bool added = false;
        handle.DangerousAddRef(ref added);
        _handle = handle;
    }

    /// <summary>The pointer; valid until <see cref="Dispose"/>.</summary>
    public T* Pointer => (T*)_handle.DangerousGetHandle();

    /// <summary>Gives the pointer back.</summary>
    public void Dispose() => _handle.DangerousRelease();
}
