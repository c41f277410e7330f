using System.Runtime.InteropServices;

namespace Hadal.Checkpoints;

/// <summary>Memory of the host outside the managed heap, aligned to pages; it is not cleared.</summary>
internal sealed unsafe class HostBuffer : SafeBuffer
{
    private const nuint Alignment = 4096;

    /// <exception cref="OutOfMemoryException">There is not that much.</exception>
    public HostBuffer(long length)
        : base(ownsHandle: true)
    {
        SetHandle((nint)NativeMemory.AlignedAlloc((nuint)length, Alignment));
        Initialize((ulong)length);
    }

    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        return true;
    }
}
