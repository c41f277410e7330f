using System.Collections.ObjectModel;
using Hadal.Tensors;

namespace Hadal.Checkpoints;

/// <summary>
/// A safetensors file, mapped into memory: opening it reads the header alone, and views of its tensors copy nothing.
/// Safe to read from several threads; no view may be in use while it is disposed of.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private readonly MappedFile _file;
    private readonly ReadOnlyDictionary<string, TensorView> _tensors;

    private SafetensorsFile(MappedFile file, SafetensorsHeader header)
    {
        _file = file;
        _tensors = header.Tensors.AsReadOnly();
        Metadata = header.Metadata.AsReadOnly();
    }

    /// <summary>Where the file lies.</summary>
    public string Path => _file.Path;

    /// <summary>The header's <c>__metadata__</c>; empty where it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorView> Tensors => _tensors;

    /// <summary>The tensor of a name.</summary>
    /// <exception cref="CheckpointException">The file has none of that name.</exception>
    public TensorView this[string name] =>
        _tensors.TryGetValue(name, out TensorView tensor)
            ? tensor
            : throw new CheckpointException($"{Path}: has no tensor '{name}'");

    /// <summary>Maps a file and checks its header.</summary>
    /// <exception cref="CheckpointException">
    /// It can't be read, is no regular file or cut short, or its header is broken: too long, not JSON, a name twice, an
    /// unknown type, or offsets that overlap, leave holes, are beyond the file or do not match type and shape.
    /// </exception>
    public static SafetensorsFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        RegularFile.Require(path);
        MappedFile file = MappedFile.Open(path, SafetensorsHeader.LengthBytes);
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

    /// <summary>Unmaps the file: its tensors' data can't be reached any more.</summary>
    public void Dispose() => _file.Dispose();
}
