using Hadal.Checkpoints;

namespace Hadal.Cli.Gguf;

/// <summary>
/// Writes a GGUF file, version 3, of a checkpoint's weights, a row at a time: its memory does not grow with them. The
/// format: magic, version, counts, keys and values, then name, dimensions, type and offset of each tensor, then their data,
/// each aligned to 32 bytes. All numbers are little-endian.
/// </summary>
internal sealed class GgufWriter : IDisposable
{
    private const int Alignment = 32;
    private const uint Version = 3;
    private const int BufferBytes = 1 << 20;

    private readonly IReadOnlyList<GgufTensor> _tensors;
    private readonly byte[] _header;
    private readonly FileStream _file;
    private bool _complete;

    /// <summary>Creates the file and reserves its room, before anything is written.</summary>
    /// <param name="path">A file that does not exist yet.</param>
    /// <param name="metadata">Its keys and values.</param>
    /// <param name="tensors">Its tensors.</param>
    /// <exception cref="IOException">The file exists, can't be created, or the disk has no room for it.</exception>
    public GgufWriter(string path, GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors)
    {
        _tensors = tensors;
        _header = Header(metadata, tensors);
        TotalBytes = _header.Length + tensors.Sum(static tensor => Aligned(tensor.ByteLength));
        _file = new FileStream(
            path,
            new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                BufferSize = BufferBytes,
                PreallocationSize = TotalBytes,
            }
        );
    }

    /// <summary>Bytes of the whole file.</summary>
    public long TotalBytes { get; }

    /// <summary>Writes everything.</summary>
    /// <param name="checkpoint">Has the weights.</param>
    /// <param name="progress">Is told how many bytes more were written.</param>
    /// <param name="cancellationToken">Looked at between rows.</param>
    /// <exception cref="IOException">The file can't be written.</exception>
    public void Write(
        Checkpoint checkpoint,
        Action<long> progress,
        CancellationToken cancellationToken
    )
    {
        _file.Write(_header);
        progress(_header.Length);
        foreach (GgufTensor tensor in _tensors)
        {
            RowReader read = tensor.Open(checkpoint);
            var values = new float[tensor.RowLength];
            var bytes = new byte[tensor.RowBytes];
            long rows = tensor.Rows;
            for (long row = 0; row < rows; row++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                read(row, values);
                if (tensor.Type == GgufType.Q8)
                    Q8Blocks.Quantize(values, bytes);
                else
                    Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);
                _file.Write(bytes);
                progress(bytes.Length);
            }
            _file.Write(new byte[Aligned(tensor.ByteLength) - tensor.ByteLength]);
        }
        _file.Flush();
        _complete = true;
    }

    /// <summary>Closes the file, and deletes it where it is not complete: its header would promise what it lacks.</summary>
    public void Dispose()
    {
        _file.Dispose();
        if (!_complete)
            File.Delete(_file.Name);
    }

    private static byte[] Header(GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write("GGUF"u8);
        writer.Write(Version);
        writer.Write((ulong)tensors.Count);
        writer.Write((ulong)metadata.Count);
        writer.Write(metadata.Bytes);
        long offset = 0;
        foreach (GgufTensor tensor in tensors)
        {
            GgufMetadata.WriteText(writer, tensor.Name);
            writer.Write((uint)tensor.Dimensions.Length);
            foreach (long dimension in tensor.Dimensions)
                writer.Write((ulong)dimension);
            writer.Write((uint)tensor.Type);
            writer.Write((ulong)offset);
            offset += Aligned(tensor.ByteLength);
        }
        writer.Write(new byte[Aligned(bytes.Length) - bytes.Length]);
        return bytes.ToArray();
    }

    private static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
}
