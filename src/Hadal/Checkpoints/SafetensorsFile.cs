using System.Collections.ObjectModel;

namespace Hadal.Checkpoints;

/// <summary>
/// A safetensors file, mapped or read into memory; views of its tensors copy nothing. Safe to read from several threads. A
/// pointer or span got from a view must not be in use while the file is disposed of; a model may.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private readonly FileBytes _file;
    private readonly ReadOnlyDictionary<string, TensorView> _tensors;
    private readonly int _headerLength;

    private SafetensorsFile(FileBytes file, SafetensorsHeader header)
    {
        _file = file;
        _headerLength = header.Length;
        _tensors = header.Tensors.AsReadOnly();
        Metadata = header.Metadata.AsReadOnly();
    }

    /// <summary>Where the file lies.</summary>
    public string Path => _file.Path;

    /// <summary>The header's <c>__metadata__</c>; empty where it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorView> Tensors => _tensors;

    /// <summary>The header as it is in the file, its length first.</summary>
    internal unsafe ReadOnlySpan<byte> Header => new(_file.Pointer, _headerLength);

    /// <summary>The tensor of a name.</summary>
    /// <exception cref="CheckpointException">The file has none of that name.</exception>
    public TensorView this[string name] =>
        _tensors.TryGetValue(name, out TensorView tensor)
            ? tensor
            : throw new CheckpointException($"{Path}: has no tensor '{name}'");

    /// <summary>Maps a file and checks its header, the only part that it reads; see <see cref="WeightMapping.Mapped"/>.</summary>
    /// <exception cref="CheckpointException">
    /// It can't be read, is no regular file or cut short, or its header is broken: too long, not JSON, a name twice, an
    /// unknown type, or offsets that overlap, leave holes, are beyond the file or do not match type and shape.
    /// </exception>
    public static SafetensorsFile Open(string path) =>
        Open(path, WeightMapping.Mapped, CancellationToken.None);

    /// <summary>Unmaps the file: its tensors' data can't be reached any more, but by models that hold it.</summary>
    public void Dispose() => _file.Dispose();

    internal static SafetensorsFile Open(
        string path,
        WeightMapping mapping,
        CancellationToken cancellationToken
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        RegularFile.Require(path);
        FileBytes file = FileBytes.Open(
            path,
            SafetensorsHeader.LengthBytes,
            mapping,
            cancellationToken
        );
        try
        {
            return new SafetensorsFile(file, SafetensorsHeader.Read(file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Keeps the bytes in place until <see cref="Release"/>, whether or not the file is disposed of before.</summary>
    /// <exception cref="ObjectDisposedException">The file was disposed of.</exception>
    internal void Hold() => _file.Hold();

    internal void Release() => _file.Release();
}
