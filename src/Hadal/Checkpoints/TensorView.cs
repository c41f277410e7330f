using Hadal.Tensors;

namespace Hadal.Checkpoints;

/// <summary>
/// A named tensor inside a file, without a copy: row-major, little-endian, of any alignment. Where the file is mapped,
/// reading its bytes brings their pages in from the disk. Safe to use from several threads; every access after the file was disposed of is
/// an <see cref="ObjectDisposedException"/>, but a pointer or span got before must not outlive the file.
/// </summary>
public readonly unsafe struct TensorView
{
    private readonly FileBytes? _file;
    private readonly long[]? _shape;

    internal TensorView(
        FileBytes file,
        string name,
        DType dtype,
        long[] shape,
        long offset,
        long byteLength
    )
    {
        _file = file;
        _shape = shape;
        Offset = offset;
        Name = name;
        DType = dtype;
        ByteLength = byteLength;
    }

    /// <summary>The tensor's name in the file.</summary>
    public string Name { get; }

    /// <summary>The type of its elements.</summary>
    public DType DType { get; }

    /// <summary>Its dimensions, outermost first; empty for a scalar.</summary>
    public ReadOnlySpan<long> Shape => _shape;

    /// <summary>Bytes of its data.</summary>
    public long ByteLength { get; }

    /// <summary>Where its data begins in the file.</summary>
    internal long Offset { get; }

    /// <summary>Number of its elements.</summary>
    public long ElementCount => ByteLength * 8 / DType.Bits;

    /// <summary>The first byte of its data; of no promised alignment, valid until the file is disposed of.</summary>
    /// <exception cref="ObjectDisposedException">The file was disposed of.</exception>
    public byte* Data => File.Pointer + Offset;

    /// <summary>Its data as bytes.</summary>
    /// <exception cref="ObjectDisposedException">The file was disposed of.</exception>
    /// <exception cref="InvalidOperationException">More than 2^31 - 1 bytes, too many for one span.</exception>
    public ReadOnlySpan<byte> Bytes => new(Data, SpanLength(ByteLength));

    /// <summary>Its data as elements of <typeparamref name="T"/>, which the processor reads unaligned where it must.</summary>
    /// <typeparam name="T">A type with as many bits as <see cref="DType"/> has.</typeparam>
    /// <exception cref="ObjectDisposedException">The file was disposed of.</exception>
    /// <exception cref="InvalidOperationException">
    /// <typeparamref name="T"/> is of another size, or there are more than 2^31 - 1 elements.
    /// </exception>
    public ReadOnlySpan<T> AsSpan<T>()
        where T : unmanaged
    {
        if (sizeof(T) * 8 != DType.Bits)
            throw new InvalidOperationException(
                $"'{Name}' holds {DType.Name}, {DType.Bits} bits each; {typeof(T).Name} has {sizeof(T) * 8}"
            );
        return new ReadOnlySpan<T>(Data, SpanLength(ElementCount));
    }

    /// <summary>Some of its rows, the outermost dimension.</summary>
    internal TensorView Rows(long first, long count)
    {
        long rowBytes = ByteLength / Shape[0];
        return new TensorView(
            File,
            Name,
            DType,
            [count, .. Shape[1..]],
            Offset + first * rowBytes,
            count * rowBytes
        );
    }

    private FileBytes File =>
        _file ?? throw new InvalidOperationException("an empty tensor view has no data");

    /// <summary>Name, type and shape, as <c>lm_head.weight BF16 [2048, 256]</c>.</summary>
    public override string ToString() => $"{Name} {DType.Name} [{string.Join(", ", _shape ?? [])}]";

    private int SpanLength(long length) =>
        length <= int.MaxValue
            ? (int)length
            : throw new InvalidOperationException(
                $"'{Name}' has {length} elements, more than a span can hold; use its pointer"
            );
}
