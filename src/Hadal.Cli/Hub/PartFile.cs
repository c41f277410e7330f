using System.Security.Cryptography;

namespace Hadal.Cli.Hub;

/// <summary>A file that is being fetched, and the checksum of what is there of it. No other process writes it meanwhile.</summary>
internal sealed class PartFile : IAsyncDisposable
{
    private readonly HubFile _file;
    private readonly FileStream _stream;
    private IncrementalHash _hash;

    private PartFile(HubFile file, FileStream stream)
    {
        _file = file;
        _stream = stream;
        _hash = file.Digest.Begin(file.Size);
    }

    /// <summary>Bytes that are there.</summary>
    public long Length { get; private set; }

    /// <summary>Opens what is there, or begins it.</summary>
    /// <exception cref="IOException">It can't be written, or another process writes it.</exception>
    public static async Task<PartFile> OpenAsync(
        string path,
        HubFile file,
        CancellationToken cancellationToken
    )
    {
        var part = new PartFile(
            file,
            new FileStream(
                path,
                FileMode.OpenOrCreate,
                FileAccess.ReadWrite,
                FileShare.None,
                bufferSize: 1 << 16,
                FileOptions.Asynchronous
            )
        );
        try
        {
            // What is longer is of another file.
            if (part._stream.Length > file.Size)
                part.Restart();
            part.Length = await HashAsync(part._stream, part._hash, cancellationToken)
                .ConfigureAwait(false);
            return part;
        }
        catch
        {
            await part.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Adds the content of a file, as long as it is now, to a checksum.</summary>
    /// <returns>Bytes that were read.</returns>
    public static async Task<long> HashAsync(
        FileStream stream,
        IncrementalHash hash,
        CancellationToken cancellationToken,
        Action<double>? report = null
    )
    {
        var buffer = new byte[1 << 18];
        long length = stream.Length;
        long total = 0;
        while (total < length)
        {
            int count = await stream
                .ReadAsync(
                    buffer.AsMemory(0, (int)Math.Min(buffer.Length, length - total)),
                    cancellationToken
                )
                .ConfigureAwait(false);
            if (count == 0)
                break;
            hash.AppendData(buffer, 0, count);
            total += count;
            report?.Invoke(count);
        }
        return total;
    }

    /// <summary>Drops what is there.</summary>
    public void Restart()
    {
        _stream.SetLength(0);
        _hash.Dispose();
        _hash = _file.Digest.Begin(_file.Size);
        Length = 0;
    }

    public async ValueTask AppendAsync(
        ReadOnlyMemory<byte> bytes,
        CancellationToken cancellationToken
    )
    {
        await _stream.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        _hash.AppendData(bytes.Span);
        Length += bytes.Length;
    }

    /// <summary>Whether all is there and right; it is on the disk then.</summary>
    public bool IsWhole()
    {
        if (Length != _file.Size || !_file.Digest.Matches(_hash))
            return false;
        // The name that it gets next is a promise that holds after a loss of power too.
        _stream.Flush(flushToDisk: true);
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        _hash.Dispose();
        await _stream.DisposeAsync().ConfigureAwait(false);
    }
}
