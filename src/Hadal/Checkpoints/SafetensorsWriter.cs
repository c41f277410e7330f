using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using CommunityToolkit.HighPerformance.Buffers;
using Hadal.Tensors;
using Microsoft.Win32.SafeHandles;

namespace Hadal.Checkpoints;

/// <summary>
/// Writes a safetensors file as its data comes, in memory that does not grow with it: the tensors are declared first, then
/// each is filled from its first byte to its last, in any order among each other. The data is laid out as the format
/// advises, larger elements first, so that all are aligned. Not safe to use from several threads.
/// </summary>
public sealed class SafetensorsWriter : IDisposable
{
    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly Dictionary<string, Slot> _slots;
    private bool _complete;

    private SafetensorsWriter(string path, SafeFileHandle file, Dictionary<string, Slot> slots)
    {
        _path = path;
        _file = file;
        _slots = slots;
    }

    /// <summary>Creates the file, or overwrites it, and writes its header.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">Its tensors; no name may occur twice.</param>
    /// <param name="metadata">Its <c>__metadata__</c>, if any.</param>
    /// <exception cref="ArgumentException">A tensor's name or size is not possible.</exception>
    /// <exception cref="IOException">The file can't be written.</exception>
    public static SafetensorsWriter Create(
        string path,
        IEnumerable<TensorDeclaration> tensors,
        IReadOnlyDictionary<string, string>? metadata = null
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tensors);
        using var header = new ArrayPoolBufferWriter<byte>();
        header.GetSpan(SafetensorsHeader.LengthBytes)[..SafetensorsHeader.LengthBytes].Clear();
        header.Advance(SafetensorsHeader.LengthBytes);
        Dictionary<string, Slot> slots = WriteHeader(header, tensors, metadata);
        while (header.WrittenCount % 8 != 0)
        {
            header.GetSpan(1)[0] = (byte)' ';
            header.Advance(1);
        }
        int length = header.WrittenCount - SafetensorsHeader.LengthBytes;
        if (length > SafetensorsHeader.MaxLength)
            throw new ArgumentException(
                $"the header takes {length} bytes, the format allows {SafetensorsHeader.MaxLength}",
                nameof(tensors)
            );
        Span<byte> bytes = header.DangerousGetArray().AsSpan();
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
        SafeFileHandle file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        var writer = new SafetensorsWriter(path, file, slots);
        try
        {
            RandomAccess.Write(file, bytes, 0);
            foreach (Slot slot in slots.Values)
                slot.Next += bytes.Length;
            return writer;
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    /// <summary>Appends to a tensor's data.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="data">Its next elements, row-major, as the processor holds them: little-endian.</param>
    /// <exception cref="ArgumentException">There is no such tensor, or the data is more than it has room for.</exception>
    /// <exception cref="IOException">The file can't be written.</exception>
    public void Write<T>(string name, ReadOnlySpan<T> data)
        where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(_file.IsClosed, this);
        if (!_slots.TryGetValue(name, out Slot? slot))
            throw new ArgumentException($"the tensor '{name}' was not declared", nameof(name));
        long length = (long)data.Length * Unsafe.SizeOf<T>();
        if (length > slot.Left)
            throw new ArgumentException(
                $"{length} bytes for '{name}', which has room for {slot.Left} more",
                nameof(data)
            );
        RandomAccess.Write(_file, MemoryMarshal.AsBytes(data), slot.Next);
        slot.Next += length;
        slot.Left -= length;
    }

    /// <summary>Says that all is written; without it <see cref="Dispose"/> deletes the file.</summary>
    /// <exception cref="InvalidOperationException">Data is missing.</exception>
    public void Complete()
    {
        ObjectDisposedException.ThrowIf(_file.IsClosed, this);
        foreach ((string name, Slot slot) in _slots)
        {
            if (slot.Left > 0)
                throw new InvalidOperationException(
                    $"the tensor '{name}' still lacks {slot.Left} bytes"
                );
        }
        _complete = true;
    }

    /// <summary>Closes the file, and deletes it where it is not complete: its header would promise what it lacks.</summary>
    public void Dispose()
    {
        if (_file.IsClosed)
            return;
        _file.Dispose();
        if (!_complete)
            File.Delete(_path);
    }

    /// <returns>Where each tensor goes, counted from the data's begin.</returns>
    private static Dictionary<string, Slot> WriteHeader(
        ArrayPoolBufferWriter<byte> header,
        IEnumerable<TensorDeclaration> tensors,
        IReadOnlyDictionary<string, string>? metadata
    )
    {
        var slots = new Dictionary<string, Slot>();
        using var json = new Utf8JsonWriter(header);
        json.WriteStartObject();
        if (metadata is { Count: > 0 })
        {
            json.WriteStartObject(SafetensorsHeader.MetadataKey);
            foreach ((string key, string value) in metadata)
                json.WriteString(key, value);
            json.WriteEndObject();
        }
        long offset = 0;
        foreach (TensorDeclaration tensor in tensors.OrderByDescending(static t => t.DType.Bits))
        {
            if (
                !tensor.DType.TryGetByteLength(tensor.Shape.AsSpan(), out long length)
                || length > long.MaxValue - offset
                || tensor.Shape.Length > SafetensorsHeader.MaxRank
            )
                throw new ArgumentException(
                    $"'{tensor.Name}' can't be {tensor.DType.Name} [{string.Join(", ", tensor.Shape)}]",
                    nameof(tensors)
                );
            if (
                tensor.Name == SafetensorsHeader.MetadataKey
                || !slots.TryAdd(tensor.Name, new Slot { Next = offset, Left = length })
            )
                throw new ArgumentException(
                    $"the name '{tensor.Name}' occurs twice, or is the format's own",
                    nameof(tensors)
                );
            json.WriteStartObject(tensor.Name);
            json.WriteString("dtype", tensor.DType.Name);
            json.WriteStartArray("shape");
            foreach (long dimension in tensor.Shape)
                json.WriteNumberValue(dimension);
            json.WriteEndArray();
            json.WriteStartArray("data_offsets");
            json.WriteNumberValue(offset);
            offset += length;
            json.WriteNumberValue(offset);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndObject();
        return slots;
    }

    private sealed class Slot
    {
        /// <summary>Where the tensor's next byte goes.</summary>
        public required long Next { get; set; }

        /// <summary>Bytes still to come.</summary>
        public required long Left { get; set; }
    }
}
