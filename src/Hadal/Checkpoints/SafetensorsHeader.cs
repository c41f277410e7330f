using System.Buffers.Binary;
using System.Text.Json;
using Hadal.Tensors;

namespace Hadal.Checkpoints;

/// <summary>
/// The header of a safetensors file: 8 bytes of length, then one JSON object of tensors. The format wants the tensors' data
/// to fill the rest of the file exactly: no overlap, no hole.
/// </summary>
internal sealed unsafe class SafetensorsHeader
{
    public const int LengthBytes = 8;

    /// <summary>The format's own limit.</summary>
    public const long MaxLength = 100_000_000;

    /// <summary>As many dimensions as PyTorch allows.</summary>
    public const int MaxRank = 64;

    public const string MetadataKey = "__metadata__";

    private readonly FileBytes _file;
    private readonly long _dataStart;

    private SafetensorsHeader(FileBytes file, long dataStart)
    {
        _file = file;
        _dataStart = dataStart;
    }

    /// <summary>Bytes of it in the file, those of its length included.</summary>
    public int Length => (int)_dataStart;

    public Dictionary<string, TensorView> Tensors { get; } = [];

    public Dictionary<string, string> Metadata { get; } = [];

    public static SafetensorsHeader Read(FileBytes file)
    {
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(
            new ReadOnlySpan<byte>(file.Pointer, LengthBytes)
        );
        if (length > MaxLength)
        {
            var start = new ReadOnlySpan<byte>(file.Pointer, (int)Math.Min(file.Length, 1024));
            string what =
                StandIn.Describe(start)
                ?? $"is no safetensors file: the header's length is {length}, must be at most {MaxLength}";
            throw new CheckpointException($"{file.Path}: {what}");
        }
        if ((long)length > file.Length - LengthBytes)
            throw TooShort(file, LengthBytes + (long)length, "header alone takes");
        var json = new ReadOnlySpan<byte>(file.Pointer + LengthBytes, (int)length);
        var header = new SafetensorsHeader(file, LengthBytes + (long)length);
        try
        {
            header.Parse(json);
        }
        // The reader throws the latter for a string that is not UTF-8 or has a lone surrogate.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new CheckpointException($"{file.Path}: the header is broken: {e.Message}", e);
        }
        header.CheckOffsets();
        return header;
    }

    private void Parse(ReadOnlySpan<byte> json)
    {
        // Depth: the header, a tensor, its shape. Only fields that are not the format's can be deeper.
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
        if (json.IsEmpty || json[0] != '{')
            throw new JsonException("it must be a JSON object");
        reader.Read();
        bool hasMetadata = false;
        while (NextName(ref reader) is { } name)
        {
            if (name != MetadataKey)
                ReadTensor(ref reader, name);
            else if (hasMetadata)
                throw new JsonException($"'{MetadataKey}' occurs twice");
            else
            {
                ReadMetadata(ref reader);
                hasMetadata = true;
            }
        }
        reader.Read(); // Anything but white space after the object throws.
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject, MetadataKey, "an object");
        while (NextName(ref reader) is { } name)
        {
            Expect(ref reader, JsonTokenType.String, $"{MetadataKey}.{name}", "a string");
            if (!Metadata.TryAdd(name, reader.GetString()!))
                throw new JsonException($"'{MetadataKey}.{name}' occurs twice");
        }
    }

    private void ReadTensor(ref Utf8JsonReader reader, string name)
    {
        Expect(ref reader, JsonTokenType.StartObject, name, "an object");
        DType? dtype = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (NextName(ref reader) is { } field)
        {
            switch (field)
            {
                case "dtype" when dtype is null:
                    dtype = ReadDType(ref reader, name);
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(ref reader, $"{name}.shape", MaxRank);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(ref reader, $"{name}.data_offsets", 2);
                    break;
                case "dtype" or "shape" or "data_offsets":
                    throw new JsonException($"'{name}.{field}' occurs twice");
                default:
                    reader.Read();
                    reader.Skip();
                    break;
            }
        }
        if (dtype is not { } type || shape is null || offsets is not [long begin, long end])
            throw new JsonException($"'{name}' must have dtype, shape and two data_offsets");
        if (begin > end || end > long.MaxValue - _dataStart)
            throw new CheckpointException(
                $"{_file.Path}: '{name}' has the data offsets {begin} to {end}; they must ascend, up to 2^63 - 1 in the file"
            );
        if (!type.TryGetByteLength(shape, out long bytes) || bytes != end - begin)
            throw new CheckpointException(
                $"{_file.Path}: '{name}' has {end - begin} bytes, which is not what {type.Name} [{string.Join(", ", shape)}] takes"
            );
        var tensor = new TensorView(_file, name, type, shape, _dataStart + begin, bytes);
        if (!Tensors.TryAdd(name, tensor))
            throw new JsonException($"'{name}' occurs twice");
    }

    private static DType ReadDType(ref Utf8JsonReader reader, string name)
    {
        Expect(ref reader, JsonTokenType.String, $"{name}.dtype", "a string");
        string text = reader.GetString()!;
        return DType.TryFromName(text, out DType dtype)
            ? dtype
            : throw new JsonException($"'{name}' has the unknown dtype '{text}'");
    }

    private static long[] ReadNumbers(ref Utf8JsonReader reader, string name, int max)
    {
        Expect(ref reader, JsonTokenType.StartArray, name, "an array");
        Span<long> numbers = stackalloc long[max];
        int count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (
                reader.TokenType != JsonTokenType.Number
                || !reader.TryGetInt64(out long number)
                || number < 0
            )
                throw new JsonException($"'{name}' must hold integers from 0 to 2^63 - 1");
            if (count == max)
                throw new JsonException($"'{name}' must hold at most {max} numbers");
            numbers[count++] = number;
        }
        return numbers[..count].ToArray();
    }

    /// <summary>The next property's name, or null at the object's end.</summary>
    private static string? NextName(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.PropertyName ? reader.GetString() : null;
    }

    private static void Expect(
        ref Utf8JsonReader reader,
        JsonTokenType token,
        string name,
        string what
    )
    {
        reader.Read();
        if (reader.TokenType != token)
            throw new JsonException($"'{name}' is a JSON {reader.TokenType}, must be {what}");
    }

    private static CheckpointException TooShort(FileBytes file, long length, string source) =>
        new(
            $"{file.Path}: has {file.Length} bytes, its {source} {length}: it was cut short, download it again"
        );

    private void CheckOffsets()
    {
        TensorView[] order = [.. Tensors.Values];
        Array.Sort(
            order,
            static (a, b) => (a.Offset, a.ByteLength).CompareTo((b.Offset, b.ByteLength))
        );
        long end = _dataStart;
        foreach (TensorView tensor in order)
        {
            if (tensor.Offset != end)
                throw new CheckpointException(
                    $"{_file.Path}: '{tensor.Name}' begins at data offset {tensor.Offset - _dataStart}, {(tensor.Offset < end ? "inside the tensor before" : "after a hole")}; it must begin at {end - _dataStart}"
                );
            end += tensor.ByteLength;
        }
        if (end > _file.Length)
            throw TooShort(_file, end, "header tells of");
        if (end != _file.Length)
            throw new CheckpointException(
                $"{_file.Path}: has {_file.Length} bytes, must have the {end} that its header tells of"
            );
    }
}
