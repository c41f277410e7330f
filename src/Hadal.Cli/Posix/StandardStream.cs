using System.Runtime.InteropServices;

namespace Hadal.Cli.Posix;

/// <summary>
/// A standard stream by its descriptor. Unlike the console's own it tells when a reader is gone or a device is full, asks
/// no terminal to change its mode, and copes with a stream that was closed when the process began.
/// </summary>
internal sealed unsafe class StandardStream(int descriptor, string name) : Stream
{
    public const int Input = 0;
    public const int Output = 1;
    public const int Error = 2;

    /// <summary>
    /// What the process was given is open and passes to programs that it starts; what the runtime has opened since, in
    /// the place of a closed stream, does not. For one that is not open there is -1, which has the flag too.
    /// </summary>
    private readonly bool _isClosed =
        (Libc.Control(descriptor, Libc.GetDescriptorFlags) & Libc.CloseOnExec) != 0;

    public override bool CanRead => descriptor == Input;

    public override bool CanWrite => !CanRead;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Writes it all. What the error stream can't take is dropped: there is nobody left to tell.</summary>
    /// <exception cref="ReaderGoneException">Nobody reads the pipe any more.</exception>
    /// <exception cref="IOException">It is closed, or what it leads to is full or broken.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            WriteAll(buffer);
        }
        catch (IOException) when (descriptor == Error) { }
    }

    /// <returns>Bytes read; 0 at the end, and where it is closed.</returns>
    /// <exception cref="IOException">It can't be read.</exception>
    public override int Read(Span<byte> buffer)
    {
        if (_isClosed || buffer.IsEmpty)
            return 0;
        fixed (byte* bytes = buffer)
        {
            for (; ; )
            {
                nint read = Libc.Read(descriptor, bytes, buffer.Length);
                if (read >= 0)
                    return (int)read;
                Recover(Libc.Readable);
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) =>
        Write(buffer.AsSpan(offset, count));

    public override int Read(byte[] buffer, int offset, int count) =>
        Read(buffer.AsSpan(offset, count));

    public override void Flush() { }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private void WriteAll(ReadOnlySpan<byte> buffer)
    {
        if (_isClosed)
            throw new IOException($"the {name} is closed");
        fixed (byte* bytes = buffer)
        {
            for (nint done = 0; done < buffer.Length; )
            {
                nint written = Libc.Write(descriptor, bytes + done, buffer.Length - done);
                if (written < 0)
                    Recover(Libc.Writable);
                else
                    done += written;
            }
        }
    }

    /// <summary>Waits where the last call may be tried again.</summary>
    private void Recover(short wanted)
    {
        int error = Marshal.GetLastPInvokeError();
        switch (error)
        {
            case Libc.Interrupted:
                return;
            // Another process may have made it non-blocking.
            case Libc.TryAgain:
                var poll = new PollDescriptor { Descriptor = descriptor, Wanted = wanted };
                _ = Libc.Poll(&poll, 1, -1);
                return;
            case Libc.BrokenPipe:
                throw new ReaderGoneException($"nobody reads the {name} any more");
            default:
                throw new IOException($"the {name}: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }
}
